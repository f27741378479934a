module collectionsync.dev/tests/testcluster/gateway

go 1.21

require sigs.k8s.io/gateway-api v1.4.0
