package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// ExhaustedError says that this machine, not the server, could not go on: no files, ports or memory for another socket.
type ExhaustedError struct{ cause error }

func (e *ExhaustedError) Error() string { return fmt.Sprintf("resolver: no socket: %v", e.cause) }
func (e *ExhaustedError) Unwrap() error { return e.cause }

// socket is a connection to one server. It ends at its deadline, and with the context.
type socket struct {
	net.Conn
	release func() bool
	late    bool
}

const grace = 5 * time.Millisecond

func dial(ctx context.Context, network string, server Server, deadline time.Time) (*socket, error) {
	dialer := net.Dialer{Deadline: deadline, KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, exhausted(err)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return &socket{Conn: conn, release: release}, nil
}

// readTardily reads one datagram, and once more when the time is up: Go does not look whether something lies there by
// then, and a client that was short of CPU would report a time-out of a server that answered.
func (s *socket) readTardily(buffer []byte) (int, error) {
	size, err := s.Read(buffer)
	if s.late || !errors.Is(err, os.ErrDeadlineExceeded) {
		return size, err
	}
	s.late = true
	if err := s.SetReadDeadline(time.Now().Add(grace)); err != nil {
		return 0, err
	}
	return s.Read(buffer)
}

func (s *socket) Close() error {
	s.release()
	return s.Conn.Close()
}

func exhausted(err error) error {
	limits := []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL}
	for _, limit := range limits {
		if errors.Is(err, limit) {
			return &ExhaustedError{err}
		}
	}
	return err
}

// What became of a query that was not answered.
const (
	timedOut = "timeout"
	refused  = "connection refused"
	broken   = "connection broken"
	// abandoned: what the other query was answered made this one's answer useless.
	abandoned = "abandoned"
)

// failureOf names what went wrong on a socket. It is an error when that says nothing of the server.
func failureOf(ctx context.Context, err error) (string, error) {
	if limit, ok := errors.AsType[*ExhaustedError](err); ok {
		return "", limit
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if slow, ok := errors.AsType[net.Error](err); ok && slow.Timeout() {
		return timedOut, nil
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return refused, nil
	}
	return broken, nil
}
