package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ingress is a controller and its nginx in one container: it looks the pods of a headless Service up, writes their list with its number,
// and has nginx read it again when it changes. Between nginx's own lines on standard output it says what workers there are.
func ingress(ctx context.Context, args []string) error {
	flags := newFlags("ingress")
	program := flags.String("nginx", "/usr/sbin/nginx", "the nginx to run")
	config := flags.String("config", "/etc/ingress/nginx.conf", "its configuration, which includes the list")
	list := flags.String("list", "/tmp/pods.conf", "the list of pods: upstream application")
	service := flags.String("service", "application", "name whose addresses are the pods")
	port := flags.Int("port", 8080, "port of each pod")
	every := flags.Duration("every", 500*time.Millisecond, "how often it looks")
	if err := parse(flags, args); err != nil {
		return err
	}
	pods := &pods{list: *list, port: *port, lookup: func(ctx context.Context) ([]string, error) {
		return net.DefaultResolver.LookupHost(ctx, *service)
	}}
	if err := pods.wait(ctx, *every); err != nil {
		return err
	}
	nginx := exec.Command(*program, "-c", *config, "-g", "daemon off;")
	nginx.Stdout = os.Stdout
	complaints, err := nginx.StderrPipe()
	if err != nil {
		return err
	}
	if err := nginx.Start(); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() {
		for lines := bufio.NewScanner(complaints); lines.Scan(); {
			say("nginx", map[string]any{"text": lines.Text()})
		}
		ended <- fmt.Errorf("nginx ended: %v", nginx.Wait())
	}()
	var taken atomic.Int64
	taken.Store(int64(len(pods.taken)))
	// An answer of the DNS may take seconds: what is said of the workers must not wait for it.
	go func() {
		for pause(ctx, *every) == nil {
			changed, err := pods.look(ctx)
			if changed && err == nil {
				err = nginx.Process.Signal(syscall.SIGHUP)
				taken.Store(int64(len(pods.taken)))
				say("reload", map[string]any{"pods": len(pods.taken), "number": pods.number})
			}
			if changed && err != nil {
				ended <- err
			}
		}
	}()
	for {
		workers, err := workersOf(nginx.Process.Pid)
		if err != nil {
			return err
		}
		at := float64(time.Now().UnixMilli()) / 1000
		say("workers", map[string]any{"at": at, "pods": taken.Load(), "workers": workers})
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			nginx.Process.Signal(syscall.SIGQUIT)
			<-ended
			return nil
		case <-time.After(*every):
		}
	}
}

// say writes a line that begins with {"ordeal":, as none of nginx's does.
func say(what string, more map[string]any) {
	rest, _ := json.Marshal(more)
	fmt.Fprintf(os.Stdout, "{\"ordeal\":%q,%s\n", what, rest[1:])
}

// pods knows which list nginx has.
type pods struct {
	list   string
	port   int
	lookup func(context.Context) ([]string, error)
	seen   []string
	taken  []string
	number int
}

func (p *pods) wait(ctx context.Context, every time.Duration) error {
	for p.number == 0 {
		if changed, err := p.look(ctx); changed && err != nil {
			return err
		}
		if err := pause(ctx, every); err != nil {
			return err
		}
	}
	return nil
}

// look writes the list anew when the pods are others than those taken and the same in two looks: they seldom come all at once.
// Without an answer, or without pods, the list stays. An error with true is one of writing.
func (p *pods) look(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	found, err := p.lookup(ctx)
	if err != nil || len(found) == 0 {
		return false, err
	}
	slices.Sort(found)
	steady := slices.Equal(found, p.seen)
	p.seen = found
	if !steady || slices.Equal(found, p.taken) {
		return false, nil
	}
	// Each list has its number, so that the log tells by which one a worker answered.
	if err := p.write(found, p.number+1); err != nil {
		return true, err
	}
	p.taken = found
	p.number++
	return true, nil
}

func (p *pods) write(addresses []string, number int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "map $pid $generation { default %d; }\nupstream application {\n  zone application 64k;\n", number)
	for _, address := range addresses {
		fmt.Fprintf(&text, "  server %s max_fails=0;\n", net.JoinHostPort(address, fmt.Sprint(p.port)))
	}
	text.WriteString("}\n")
	if err := os.WriteFile(p.list+".new", []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(p.list+".new", p.list)
}
