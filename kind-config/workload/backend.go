package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// backend is an application of several pods, one a listener: the capacity of each is a number of requests at once, not the machine's.
func backend(ctx context.Context, args []string) error {
	flags := newFlags("backend")
	listen := flags.String("listen", "127.0.0.1:8080", "addresses, separated by commas: a pod each")
	slots := flags.Int("slots", 5, "requests that a pod works on at once")
	work := flags.Duration("work", 100*time.Millisecond, "how long it works on one")
	queue := flags.Int("queue", 100, "requests that may wait at a pod; others are answered 503 at once")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *slots < 1 || *queue < 0 || *work < 0 {
		return usageError{fmt.Errorf("a pod of %d slots, %s of work and a queue of %d cannot be", *slots, *work, *queue)}
	}
	addresses := strings.Split(*listen, ",")
	failed := make(chan error, len(addresses))
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: newPod(*slots, *queue, *work), ReadHeaderTimeout: 5 * time.Second}
		defer server.Close()
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// newPod answers / after its work, /events for as long as is asked for, and /ready.
func newPod(slots, queue int, work time.Duration) http.Handler {
	room := make(chan struct{}, slots+queue)
	slot := make(chan struct{}, slots)
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/events", events)
	mux.HandleFunc("/", func(answer http.ResponseWriter, _ *http.Request) {
		select {
		case room <- struct{}{}:
		default:
			http.Error(answer, "no room", http.StatusServiceUnavailable)
			return
		}
		defer func() { <-room }()
		// Nobody looks whether the client still waits: a pool of threads does not either.
		slot <- struct{}{}
		defer func() { <-slot }()
		time.Sleep(work)
		fmt.Fprintln(answer, "done")
	})
	return mux
}

// events sends a line each second, for so long: ?for=30s.
func events(answer http.ResponseWriter, request *http.Request) {
	lasting, err := time.ParseDuration(request.URL.Query().Get("for"))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), lasting)
	defer cancel()
	for {
		fmt.Fprint(answer, "data: still here\n\n")
		if err := http.NewResponseController(answer).Flush(); err != nil {
			return
		}
		if pause(ctx, time.Second) != nil {
			return
		}
	}
}
