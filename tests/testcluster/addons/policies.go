package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

const patience = 30 * time.Second

// enforcePolicies decides on the first packet of each connection that the node's rules queue. A pod's policies are in
// force before its first process runs: its sandbox is told of at a socket, which answers when they are.
func enforcePolicies() error {
	flags := flag.NewFlagSet("network-policies", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how the API server is reached")
	node := flags.String("node", "", "the name of the node")
	queue := flags.Int("queue", 0, "the number of the queue of packets")
	socket := flags.String("socket", "", "where sandboxes are told of")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}

	client, err := clientOf(*kubeconfig)
	if err != nil {
		return err
	}
	known := &podAddresses{sandboxes: map[string]sandbox{}}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	if err := pods.Informer().SetTransform(known.complete); err != nil {
		return err
	}
	// It has rules of its own as well, which queue less, but only where the kernel has them in nftables (nft_queue). The
	// node's are enough; where its own fail, it says so in the log and goes on.
	controller, err := networkpolicy.NewController(
		client,
		factory.Networking().V1().NetworkPolicies(),
		factory.Core().V1().Namespaces(),
		podInformer{pods},
		nil, nil, nil, nil,
		networkpolicy.Config{QueueID: *queue, NodeName: *node},
	)
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		return err
	}
	ctx := context.Background()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go serve(ctx, listener, known, pods.Informer().GetIndexer())
	return controller.Run(ctx)
}

func serve(ctx context.Context, listener net.Listener, known *podAddresses, pods cache.Indexer) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			fmt.Println("cannot be told of sandboxes:", err)
			return
		}
		go func() {
			defer connection.Close()
			if err := hear(ctx, connection, known, pods); err != nil {
				fmt.Println("a sandbox was told of in vain:", err)
			}
		}()
	}
}

// hear takes in one sandbox, and answers with its container when the cache of pods has its addresses.
func hear(ctx context.Context, connection net.Conn, known *podAddresses, pods cache.Indexer) error {
	var told sandbox
	if err := json.NewDecoder(connection).Decode(&told); err != nil {
		return err
	}
	if told.Gone {
		known.forget(told)
	} else {
		known.remember(told)
		err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
			return has(known, pods, told.Pod)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", told.Pod, err)
		}
	}
	_, err := fmt.Fprintln(connection, told.Container)
	return err
}

// has is whether the cache knows this pod; then it knows the pod's addresses as well.
func has(known *podAddresses, pods cache.Indexer, key string) (bool, error) {
	found, exists, err := pods.GetByKey(key)
	if err != nil || !exists {
		return false, err
	}
	pod, err := known.complete(found.(*v1.Pod).DeepCopy())
	if err != nil {
		return false, err
	}
	return true, pods.Update(pod)
}
