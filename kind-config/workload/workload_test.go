package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func soon(t *testing.T, length time.Duration) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), length)
	t.Cleanup(stop)
	return ctx
}

// printed runs a role and returns what it wrote to standard output.
func printed(t *testing.T, play func() error) (string, error) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	former := os.Stdout
	os.Stdout = writer
	err = play()
	os.Stdout = former
	writer.Close()
	text, _ := io.ReadAll(reader)
	return string(text), err
}

func TestHogHoldsWhatItWasTold(t *testing.T) {
	text, err := printed(t, func() error {
		return hog(soon(t, 500*time.Millisecond), []string{"--step=1MiB", "--every=1ms", "--total=2.5MiB"})
	})
	if err != nil || text != "1048576\n2097152\n2621440\n" {
		t.Fatalf("%v %q", err, text)
	}
}

func TestServeExitsAtOnceWithoutItsFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "config.yaml")
	err := serve(context.Background(), []string{"--needs", missing, "--listen", "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), missing) || !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestServeFindsTheFileOfTheSidecarAndKeepsALog(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "out", "config.yaml")
	if _, err := printed(t, func() error {
		return writeConfig(soon(t, time.Second), []string{"--file", file, "--size=8KiB", "--once", "--read", "."})
	}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != 8<<10 {
		t.Fatal(info, err)
	}
	wal := filepath.Join(dir, "wal")
	err := serve(soon(t, 300*time.Millisecond), []string{"--needs", file, "--wal", wal, "--listen", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(wal, "log")); err != nil || info.Size() < walRecord {
		t.Fatal(info, err)
	}
}

func TestReadyOnlyAfterItsImageWasRead(t *testing.T) {
	var ready atomic.Bool
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		answer := httptest.NewRecorder()
		readiness(&ready).ServeHTTP(answer, httptest.NewRequest("GET", "/ready", nil))
		if answer.Code != want {
			t.Fatal(answer.Code, want)
		}
		ready.Store(true)
	}
}

func TestFsyncSaysHowLongEachTookAndLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "canary")
	text, err := printed(t, func() error {
		return fsync(context.Background(), []string{"--file", path, "--every=1ms", "--count=3"})
	})
	if err != nil || strings.Count(text, `{"seconds":`) != 3 {
		t.Fatalf("%v %q", err, text)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func TestAPodOfTheBackendWorksOnSomeLetsOthersWaitAndRefusesTheRest(t *testing.T) {
	pod := httptest.NewServer(newPod(2, 3, 200*time.Millisecond))
	defer pod.Close()
	statuses := make(chan int)
	for range 9 {
		go func() {
			answer, err := http.Get(pod.URL)
			if err != nil {
				statuses <- 0
				return
			}
			answer.Body.Close()
			statuses <- answer.StatusCode
		}()
	}
	count := map[int]int{}
	for range 9 {
		count[<-statuses]++
	}
	if count[http.StatusOK] != 5 || count[http.StatusServiceUnavailable] != 4 {
		t.Fatal(count)
	}
}

func TestEventsComeAtOnceAndEndWhenTheyShould(t *testing.T) {
	pod := httptest.NewServer(newPod(1, 0, 0))
	defer pod.Close()
	answer, err := http.Get(pod.URL + "/events?for=1100ms")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || string(text) != "data: still here\n\ndata: still here\n\n" {
		t.Fatalf("%v %q", err, text)
	}
	answer, err = http.Get(pod.URL + "/events?for=ever")
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Fatal(err, answer)
	}
}

func TestMistakesAreToldApartFromFailures(t *testing.T) {
	var misuse usageError
	for _, args := range [][]string{{"--step", "4 apples"}, {"--step", "0"}, {"more"}} {
		if err := hog(context.Background(), args); !errors.As(err, &misuse) {
			t.Fatal(args, err)
		}
	}
}
