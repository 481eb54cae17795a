package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheControllerTakesPodsWhenTheyAreTheSameTwice(t *testing.T) {
	answers := []struct {
		pods    []string
		err     error
		changed bool
	}{
		{pods: []string{"10.0.0.2"}},
		{pods: []string{"10.0.0.2", "10.0.0.1"}},
		{pods: []string{"10.0.0.1", "10.0.0.2"}, changed: true},
		{pods: []string{"10.0.0.1", "10.0.0.2"}},
		{err: errors.New("no answer")},
		{pods: []string{}},
		{pods: []string{"10.0.0.1", "10.0.0.2"}},
		{pods: []string{"10.0.0.3"}},
		{pods: []string{"10.0.0.3"}, changed: true},
	}
	next := 0
	controller := &pods{list: filepath.Join(t.TempDir(), "pods.conf"), port: 80}
	controller.lookup = func(context.Context) ([]string, error) {
		return append([]string{}, answers[next].pods...), answers[next].err
	}
	for ; next < len(answers); next++ {
		changed, err := controller.look(context.Background())
		if changed != answers[next].changed || !errors.Is(err, answers[next].err) {
			t.Fatal(next, changed, err)
		}
	}
	text, err := os.ReadFile(controller.list)
	want := "map $pid $generation { default 2; }\nupstream application {\n  zone application 64k;\n  server 10.0.0.3:80 max_fails=0;\n}\n"
	if err != nil || string(text) != want {
		t.Fatal(err, string(text))
	}
}

func TestWorkersAreKnownByTheirTitleAndWhatTheyHold(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := strings.TrimPrefix(listener.Addr().String(), "127.0.0.1:")
	script := `(exec 5<>/dev/tcp/127.0.0.1/` + port + `; exec -a 'nginx: worker process is shutting down' sleep 20) &
(exec -a 'nginx: worker process' sleep 20) & (exec -a 'nginx: cache manager process' sleep 20) & wait`
	master := exec.Command("bash", "-c", script)
	master.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := master.Start(); err != nil {
		t.Skip(err)
	}
	defer func() {
		syscall.Kill(-master.Process.Pid, syscall.SIGKILL)
		master.Wait()
	}()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		workers, err := workersOf(master.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		held := map[bool][]int{}
		for _, one := range workers {
			held[one.Ending] = append(held[one.Ending], one.Connections)
		}
		if len(held[true]) == 1 && held[true][0] == 1 && len(held[false]) == 1 && held[false][0] == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(workers)
		}
	}
	if workers, err := workersOf(1 << 30); err != nil || len(workers) != 0 {
		t.Fatal(workers, err)
	}
}
