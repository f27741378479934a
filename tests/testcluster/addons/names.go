package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/template"
)

// resolveNames is CoreDNS with the few plugins that the node's Corefile names.
func resolveNames() error {
	coremain.Run()
	return nil
}
