// Karpenter with its provider for kwok, wired as sigs.k8s.io/karpenter/kwok is, whose main package listens on every
// address of the machine and expects a chart to have brought its resource definitions. This one listens on loopback
// only, and brings the definitions that its own module holds.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	kwokapis "sigs.k8s.io/karpenter/kwok/apis"
	kwok "sigs.k8s.io/karpenter/kwok/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/apis"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/operator"
)

func main() {
	if slices.Contains(os.Args[1:], "--version") {
		fmt.Println(operator.Version)
		return
	}
	ctrl.NewManager = func(config *rest.Config, options manager.Options) (manager.Manager, error) {
		if err := define(context.Background(), config); err != nil {
			return nil, err
		}
		// Both are only a colon and a port.
		options.Metrics.BindAddress = "127.0.0.1" + options.Metrics.BindAddress
		options.HealthProbeBindAddress = "127.0.0.1" + options.HealthProbeBindAddress
		return manager.New(config, options)
	}
	ctx, op := operator.NewOperator()
	instanceTypes, err := kwok.ConstructInstanceTypes(ctx)
	if err != nil {
		log.FromContext(ctx).Error(err, "failed constructing instance types")
		os.Exit(1)
	}
	undecorated := kwok.NewCloudProvider(ctx, op.GetClient(), instanceTypes)
	provider := overlay.Decorate(undecorated, op.GetClient(), op.InstanceTypeStore)
	cluster := state.NewCluster(op.Clock, op.GetClient(), provider)
	op.WithControllers(ctx, controllers.NewControllers(
		ctx, op.Manager, op.Clock, op.GetClient(), op.EventRecorder,
		provider, undecorated, cluster, op.InstanceTypeStore,
	)...).Start(ctx)
}

// define creates the resource definitions and waits until they are served.
func define(ctx context.Context, config *rest.Config) error {
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return err
	}
	definitions := client.ApiextensionsV1().CustomResourceDefinitions()
	all := slices.Concat(apis.CRDs, kwokapis.CRDs)
	for _, definition := range all {
		if _, err := definitions.Create(ctx, definition, meta.CreateOptions{}); err != nil && !errors.IsAlreadyExists(err) {
			return fmt.Errorf("defining %s: %w", definition.Name, err)
		}
	}
	for _, definition := range all {
		served := func(ctx context.Context) (bool, error) {
			now, err := definitions.Get(ctx, definition.Name, meta.GetOptions{})
			return err == nil && slices.ContainsFunc(now.Status.Conditions, established), err
		}
		if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 20*time.Second, true, served); err != nil {
			return fmt.Errorf("%s is not served: %w", definition.Name, err)
		}
	}
	return nil
}

func established(condition apiextensions.CustomResourceDefinitionCondition) bool {
	return condition.Type == apiextensions.Established && condition.Status == apiextensions.ConditionTrue
}
