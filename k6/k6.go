// Package k6 registers the k6 extensions of this module, in the form that xk6 builds.
package k6

import (
	_ "ordeal.invalid/k6/resolver"
	_ "ordeal.invalid/k6/samples"
)
