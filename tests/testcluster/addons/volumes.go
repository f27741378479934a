package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	provisioner   = "collectionsync.test/node"
	askedOf       = "volume.kubernetes.io/storage-provisioner"
	providedBy    = "pv.kubernetes.io/provisioned-by"
	retryInterval = time.Second
)

// volumes makes a folder for each claim that asks for one, and removes it with the claim.
type volumes struct {
	client kubernetes.Interface
	node   string
	folder string
	claims corelisters.PersistentVolumeClaimLister
	known  corelisters.PersistentVolumeLister
}

// provideVolumes gives out folders as local volumes, which the kubelet hands to a pod's group as any real disk.
func provideVolumes() error {
	flags := flag.NewFlagSet("volumes", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "how the API server is reached")
	node := flags.String("node", "", "the name of the node")
	folder := flags.String("folder", "", "where the folders are made")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return err
	}
	client, err := clientOf(*kubeconfig)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	claims, known := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	changed := make(chan struct{}, 1)
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), known.Informer()} {
		if _, err := informer.AddEventHandler(wakes(changed)); err != nil {
			return err
		}
	}
	ctx := context.Background()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	provider := volumes{client, *node, *folder, claims.Lister(), known.Lister()}
	for {
		if err := provider.reconcile(ctx); err != nil {
			fmt.Println("some volumes are not as they should be:", err)
			time.AfterFunc(retryInterval, func() { wake(changed) })
		}
		<-changed
	}
}

func wakes(changed chan<- struct{}) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { wake(changed) },
		UpdateFunc: func(any, any) { wake(changed) },
		DeleteFunc: func(any) { wake(changed) },
	}
}

func wake(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

func (each *volumes) reconcile(ctx context.Context) error {
	claims, err := each.claims.List(labels.Everything())
	if err != nil {
		return err
	}
	var failures []error
	for _, claim := range claims {
		if claim.Annotations[askedOf] == provisioner && claim.Spec.VolumeName == "" {
			failures = append(failures, each.provide(ctx, claim))
		}
	}
	known, err := each.known.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, volume := range known {
		if volume.Annotations[providedBy] == provisioner && volume.Status.Phase == v1.VolumeReleased {
			failures = append(failures, each.remove(ctx, volume))
		}
	}
	return errors.Join(failures...)
}

func (each *volumes) provide(ctx context.Context, claim *v1.PersistentVolumeClaim) error {
	name := "pvc-" + string(claim.UID)
	if _, err := each.known.Get(name); !apierrors.IsNotFound(err) {
		return err
	}
	path := filepath.Join(each.folder, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	_, err := each.client.CoreV1().PersistentVolumes().Create(ctx, each.volume(claim, name, path), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (each *volumes) volume(claim *v1.PersistentVolumeClaim, name, path string) *v1.PersistentVolume {
	here := v1.NodeSelectorRequirement{
		Key: v1.LabelHostname, Operator: v1.NodeSelectorOpIn, Values: []string{each.node},
	}
	terms := []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{here}}}
	return &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{providedBy: provisioner}},
		Spec: v1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      claim.Spec.Resources.Requests,
			ClaimRef:                      &v1.ObjectReference{Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
			NodeAffinity:                  &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: terms}},
			PersistentVolumeReclaimPolicy: v1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        v1.PersistentVolumeSource{Local: &v1.LocalVolumeSource{Path: path}},
			StorageClassName:              *claim.Spec.StorageClassName,
			VolumeMode:                    claim.Spec.VolumeMode,
		},
	}
}

func (each *volumes) remove(ctx context.Context, volume *v1.PersistentVolume) error {
	if err := os.RemoveAll(volume.Spec.Local.Path); err != nil {
		return err
	}
	err := each.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
