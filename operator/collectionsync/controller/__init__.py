"""The Kubernetes side: what is declared becomes Jobs, and what their pods leave behind becomes status."""
