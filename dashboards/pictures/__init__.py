"""Pictures of the dashboards with the data of a Prometheus, for readers who have no Grafana at hand.

`python -m dashboards.pictures` asks Prometheus what Grafana would ask, and draws the panels in SVG, where they are on
the page and much as Grafana draws them. All but the asking is a pure function of the dashboard and the answers.
"""
