// k6 with the extensions of this module.
package main

import (
	"go.k6.io/k6/cmd"
	_ "ordeal.invalid/k6"
)

func main() {
	cmd.Execute()
}
