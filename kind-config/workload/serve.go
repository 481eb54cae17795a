package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const walRecord = 32 << 10

// serve is the main container: without the file that a sidecar writes it gives up at once, as Prometheus does.
func serve(ctx context.Context, args []string) error {
	flags := newFlags("serve")
	needs := flags.String("needs", "", "file without which it exits with 1 at once")
	image := coldFlags(flags)
	listen := flags.String("listen", "127.0.0.1:8080", "address for /ready")
	wal := flags.String("wal", "", "folder with a log that is appended and synced each second")
	opening := flags.Duration("opening", 0, "time that it needs before it looks for the file: its own database")
	if err := parse(flags, args); err != nil {
		return err
	}
	if err := pause(ctx, *opening); err != nil {
		return err
	}
	if *needs != "" {
		if _, err := os.Stat(*needs); err != nil {
			return fmt.Errorf("error loading config from %q: %w", *needs, err)
		}
	}
	var ready atomic.Bool
	failed := make(chan error, 2)
	close, err := answerReady(*listen, &ready, failed)
	if err != nil {
		return err
	}
	defer close()
	if err := image.read(ctx); err != nil {
		return err
	}
	ready.Store(true)
	if *wal != "" {
		go func() { failed <- keepLog(ctx, *wal) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func operator(ctx context.Context, args []string) error {
	return serve(ctx, args)
}

func answerReady(listen string, ready *atomic.Bool, failed chan<- error) (func() error, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: readiness(ready), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			failed <- err
		}
	}()
	return server.Close, nil
}

func readiness(ready *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(answer http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(answer, "starting", http.StatusServiceUnavailable)
		}
	})
	return mux
}

func keepLog(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	for {
		if _, err := file.Write(make([]byte, walRecord)); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}
