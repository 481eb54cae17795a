// Command workload plays every container of the scenarios on real kubelets: one static binary, many roles.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// A role plays until it is done or the context ends: by SIGTERM, which is no error.
type role struct {
	help string
	play func(ctx context.Context, args []string) error
}

var roles = map[string]role{
	"hog":          {"takes memory step by step and holds it", hog},
	"sleep":        {"waits", sleep},
	"hook":         {"reads files, as a job that ends", hook},
	"daemon":       {"reads files, then waits: an agent of every node", daemon},
	"operator":     {"reads files, then answers /ready", operator},
	"write-config": {"reads files, then writes a file, again and again: a config-reloader beside a server", writeConfig},
	"serve":        {"a server that exits at once when the file that it needs is missing", serve},
	"backend":      {"an application of several pods behind a proxy", backend},
	"ingress":      {"a controller that gives its nginx the pods of a Service", ingress},
	"fsync":        {"writes and syncs a file at a steady pace and says how long each took", fsync},
}

var order = []string{"hog", "sleep", "hook", "daemon", "operator", "write-config", "serve", "backend", "ingress", "fsync"}

func main() {
	if len(os.Args) < 2 || roles[os.Args[1]].play == nil {
		fmt.Fprintf(os.Stderr, "usage: workload ROLE [flags]\n%s", list())
		os.Exit(2)
	}
	// As the first process of a container a program that does not ask for SIGTERM never gets it.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := roles[os.Args[1]].play(ctx, os.Args[2:])
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
	var misuse usageError
	if errors.As(err, &misuse) {
		os.Exit(2)
	}
	os.Exit(1)
}

func list() string {
	var text strings.Builder
	for _, name := range order {
		fmt.Fprintf(&text, "  %-13s %s\n", name, roles[name].help)
	}
	return text.String()
}
