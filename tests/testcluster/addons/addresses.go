package main

import (
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// sandbox is a pod's network, as the plugin for containers' networks knows it.
type sandbox struct {
	Container string   `json:"container"`
	Pod       string   `json:"pod"` // <namespace>/<name>
	Addresses []string `json:"addresses"`
	Gone      bool     `json:"gone"`
}

// podAddresses knows the addresses of pods before the API server does: the kubelet tells it only when a pod runs.
type podAddresses struct {
	lock      sync.Mutex
	sandboxes map[string]sandbox
}

func (known *podAddresses) remember(told sandbox) {
	known.lock.Lock()
	defer known.lock.Unlock()
	known.sandboxes[told.Pod] = told
}

// forget is told more than once of the same sandbox, maybe when the next pod of this name has one.
func (known *podAddresses) forget(told sandbox) {
	known.lock.Lock()
	defer known.lock.Unlock()
	if known.sandboxes[told.Pod].Container == told.Container {
		delete(known.sandboxes, told.Pod)
	}
}

func (known *podAddresses) of(pod string) []string {
	known.lock.Lock()
	defer known.lock.Unlock()
	return known.sandboxes[pod].Addresses
}

// complete is what the cache of pods keeps of one: with its addresses as soon as it has any, and without them when it
// has ended, for they are another pod's soon.
func (known *podAddresses) complete(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	pod, is := object.(*v1.Pod)
	if !is {
		return object, nil
	}
	if pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed {
		pod.Status.PodIPs = nil
	} else if len(pod.Status.PodIPs) == 0 && !pod.Spec.HostNetwork {
		for _, address := range known.of(pod.Namespace + "/" + pod.Name) {
			pod.Status.PodIPs = append(pod.Status.PodIPs, v1.PodIP{IP: address})
		}
	}
	return pod, nil
}

// podInformer hands out an informer that has a transformation already, and keeps it.
type podInformer struct {
	coreinformers.PodInformer
}

func (pods podInformer) Informer() cache.SharedIndexInformer {
	return transformed{pods.PodInformer.Informer()}
}

type transformed struct {
	cache.SharedIndexInformer
}

func (transformed) SetTransform(cache.TransformFunc) error {
	return nil
}
