package resolver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// coredns is a real CoreDNS on loopback.
type coredns struct {
	server  Server
	metrics string
}

// startCoreDNS starts the CoreDNS that ORDEAL_COREDNS names with these lines in its one server block.
func startCoreDNS(t testing.TB, lines ...string) coredns {
	t.Helper()
	program := os.Getenv("ORDEAL_COREDNS")
	if program == "" {
		t.Skip("ORDEAL_COREDNS does not name a CoreDNS")
	}
	dns, metrics := freePort(t), freePort(t)
	lines = append([]string{"bind 127.0.0.1", "prometheus " + metrics}, lines...)
	corefile := filepath.Join(t.TempDir(), "Corefile")
	text := fmt.Sprintf(".:%s {\n%s\n}\n", portOf(dns), strings.Join(lines, "\n"))
	if err := os.WriteFile(corefile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "-conf", corefile, "-quiet")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); command.Wait() })
	var server Server
	if err := server.UnmarshalText([]byte(dns)); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		line, err := net.Dial("tcp", dns)
		if err == nil {
			line.Close()
			return coredns{server, metrics}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("CoreDNS did not start")
	return coredns{}
}

// counted is how many queries CoreDNS itself counted.
func (c coredns) counted(t testing.TB) (total int) {
	t.Helper()
	answer, err := http.Get("http://" + c.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "coredns_dns_requests_total{") {
			continue
		}
		words := strings.Fields(lines.Text())
		value, err := strconv.ParseFloat(words[len(words)-1], 64)
		if err != nil {
			t.Fatal(err)
		}
		total += int(value)
	}
	return total
}

// freePort is a port of loopback that is free on UDP and TCP.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
