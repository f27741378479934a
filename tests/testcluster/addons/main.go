// Command addons is what a test cluster has besides Kubernetes itself, in one binary: names for Services, network
// policies, and volumes. The name that it is called by picks the program.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

var programs = map[string]func() error{
	"coredns":          resolveNames,
	"network-policies": enforcePolicies,
	"isolation":        isolatePod,
	"volumes":          provideVolumes,
}

func main() {
	name := filepath.Base(os.Args[0])
	program, known := programs[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: no program of this name; link one of them to this binary\n", name)
		os.Exit(64)
	}
	if err := program(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
