// Package kubernetes declares what the Kubernetes provider's component resources name of its Go SDK.
//
// Only `helm.sh/v4:Chart` and `yaml/v2`, which this project does not use, name it. The whole SDK has 66 packages and
// costs more compilation than the provider itself.
package kubernetes

import (
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

type UntypedArgs map[string]interface{}

func (UntypedArgs) ElementType() reflect.Type { return reflect.TypeOf((*map[string]interface{})(nil)).Elem() }

var _ pulumi.Input = UntypedArgs{}
