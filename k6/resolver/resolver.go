// Package resolver is the k6 module k6/x/resolver: it resolves names as glibc's getaddrinfo(AF_UNSPEC) does for a program
// in a pod, and tells every query that it sent for that.
package resolver

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// Resolver is one process's view of its resolv.conf. It may be used by many goroutines.
type Resolver struct {
	config Config
	turn   atomic.Uint32
	// careful is the manner that a lost answer taught it.
	careful atomic.Int32
}

// New returns a resolver for a configuration that has been checked.
func New(config Config) *Resolver {
	made := &Resolver{config: config}
	made.turn.Store(rand.Uint32())
	return made
}

// Result is what a lookup found, and what it took.
type Result struct {
	// Answers are addresses, IPv4 before IPv6, in the order of the server's answers.
	Answers []string `js:"answers"`
	// Rcode of the answer that decided; empty when none came.
	Rcode  string `js:"rcode"`
	Failed bool   `js:"failed"`
	// Cause of a failure: an rcode, NODATA, timeout, connection refused, connection broken, garbled, invalid name.
	Cause string `js:"cause"`
	// Duration is in milliseconds.
	Duration float64  `js:"duration"`
	Queries  []*Query `js:"queries"`
}

// lookup is one call of Lookup.
type lookup struct {
	*Resolver
	ctx context.Context
	log []*Query
}

// Lookup resolves a name. What the servers say or fail to say is no error; the end of the context is one, and so is
// *ExhaustedError: the lookup did not happen then.
func (r *Resolver) Lookup(ctx context.Context, name string) (Result, error) {
	began := time.Now()
	if address, err := netip.ParseAddr(name); err == nil {
		return Result{Answers: []string{address.String()}, Queries: []*Query{}}, nil
	}
	call := &lookup{r, ctx, []*Query{}}
	said, err := call.search(name)
	if err != nil {
		return Result{Queries: call.log}, err
	}
	result := Result{Answers: []string{}, Rcode: said.rcode, Cause: said.cause, Queries: call.log}
	if said.kind == found {
		result.Answers, result.Cause = said.addresses()
	}
	result.Failed = result.Cause != ""
	result.Duration = milliseconds(time.Since(began))
	return result, nil
}
