package resolver

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.k6.io/k6/lib/types"
	"golang.org/x/net/dns/dnsmessage"
)

// silent is a server that takes queries and never answers.
func silent(t testing.TB) *fake {
	return serve(t, "127.0.0.1:0", func(asked) [][]byte { return nil })
}

func TestBothQueriesLeaveFromOneSocketAtOnce(t *testing.T) {
	server := serve(t, "127.0.0.1:0", zone(map[string][]string{partner: {"192.0.2.7"}}))
	lookUp(t, inPod(server.server), partner+".")
	if len(server.log) != 2 || server.log[0].from != server.log[1].from {
		t.Errorf("got %v", server.log)
	}
	if server.log[0].message.ID == server.log[1].message.ID || !server.log[0].message.RecursionDesired {
		t.Errorf("headers %+v and %+v", server.log[0].message.Header, server.log[1].message.Header)
	}
}

func TestSingleRequestWaitsForTheFirstAnswer(t *testing.T) {
	var early atomic.Bool
	server := &fake{}
	server = serve(t, "127.0.0.1:0", func(query asked) [][]byte {
		if query.kind == "A" {
			time.Sleep(50 * time.Millisecond)
			early.Store(len(server.seen()) > 1)
		}
		return query.answers(dnsmessage.RCodeSuccess, "192.0.2.7", "2001:db8::7")
	})
	config := inPod(server.server)
	config.SingleRequest = true
	expect(t, "queries", sent(lookUp(t, config, partner+".")), both(partner))
	if early.Load() || server.log[0].from != server.log[1].from {
		t.Errorf("AAAA was early: %v; from %s and %s", early.Load(), server.log[0].from, server.log[1].from)
	}
	config.SingleRequestReopen = true
	lookUp(t, config, partner+".")
	if server.log[2].from == server.log[3].from {
		t.Errorf("both came from %s", server.log[2].from)
	}
}

func TestNoAaaaAsksForIPv4Alone(t *testing.T) {
	server := serve(t, "127.0.0.1:0", zone(map[string][]string{partner: {"192.0.2.7", "2001:db8::7"}}))
	config := inPod(server.server)
	config.NoAaaa = true
	expect(t, "queries", sent(lookUp(t, config, partner+".")), []string{"A " + partner})
}

func TestUseVcGoesByTCP(t *testing.T) {
	dns := partnerDNS(t, nil)
	config := inPod(dns.server)
	config.UseVc = true
	result := lookUp(t, config, partner)
	for _, query := range result.Queries {
		if query.Transport != "tcp" || query.Rcode == "" {
			t.Errorf("%+v", query)
		}
	}
	if len(result.Queries) != 8 || result.Failed || dns.counted(t) != 8 {
		t.Errorf("%v, CoreDNS counted %d", sent(result), dns.counted(t))
	}
}

func TestTruncatedAnswerIsFetchedByTCP(t *testing.T) {
	hosts := []string{"hosts {"}
	for at := range 60 {
		hosts = append(hosts, fmt.Sprintf(" 192.0.2.%d many.example", at+1))
	}
	dns := startCoreDNS(t, append(hosts, "}")...)
	result := lookUp(t, inPod(dns.server), "many.example.")
	if len(result.Answers) != 60 || result.Failed {
		t.Errorf("%d answers", len(result.Answers))
	}
	var transports []string
	for _, query := range result.Queries {
		transports = append(transports, query.Transport)
	}
	expect(t, "transports", transports, []string{"udp", "udp", "tcp", "tcp"})
}

func TestDeadServerCostsItsTimeAndNoMore(t *testing.T) {
	dead := silent(t)
	config := inPod(dead.server)
	wait := time.Duration(config.Timeout)
	began := time.Now()
	result := lookUp(t, config, partner+".")
	took := time.Since(began)
	if took < 2*wait || took > 3*wait+time.Second {
		t.Errorf("took %v for %d attempts of %v", took, config.Attempts, wait)
	}
	if result.Cause != "timeout" || !result.Failed || result.Rcode != "" || len(result.Queries) != 4 {
		t.Errorf("%+v", result)
	}
	for _, query := range result.Queries {
		if !query.TimedOut || query.Rcode != "" || query.Duration < milliseconds(wait)*0.9 {
			t.Errorf("%+v", query)
		}
	}
	// A time-out ends the search, but not before the name was tried as it is.
	expect(t, "queries", sent(lookUp(t, config, partner)), append(
		append(both(partner+".default.svc.cluster.local"), both(partner+".default.svc.cluster.local")...), both(partner, partner)...))
}

func TestDeadServerIsPassedOver(t *testing.T) {
	dns := partnerDNS(t, nil)
	config := inPod(silent(t).server, dns.server)
	result := lookUp(t, config, partner+".")
	if result.Failed || len(result.Queries) != 4 || !result.Queries[0].TimedOut || result.Queries[3].Rcode != "NOERROR" {
		t.Errorf("%+v", result)
	}
}

func TestServerThatIsNotThereFailsAtOnce(t *testing.T) {
	for _, vc := range []bool{false, true} {
		config := inPod(Server{}.at(t, freePort(t)))
		config.UseVc, config.Timeout = vc, types.Duration(20*time.Second)
		result := lookUp(t, config, partner)
		if result.Cause != "connection refused" || result.Duration > 5000 {
			t.Errorf("use-vc %v: %+v", vc, result)
		}
		if len(result.Queries) == 0 {
			t.Errorf("use-vc %v: no query is told", vc)
		}
		for _, query := range result.Queries {
			if query.Error != refused || query.TimedOut {
				t.Errorf("use-vc %v: %+v", vc, query)
			}
		}
	}
}

func TestHalfAnAnswerIsAskedForMoreCarefully(t *testing.T) {
	// Loses AAAA when it comes from the port that A came from, as a racing conntrack does.
	var ports sync.Map
	server := serve(t, "127.0.0.1:0", func(query asked) [][]byte {
		if _, again := ports.LoadOrStore(query.from, true); again {
			return nil
		}
		return query.answers(dnsmessage.RCodeSuccess, "192.0.2.7", "2001:db8::7")
	})
	resolver := New(inPod(server.server))
	first, err := resolver.Lookup(context.Background(), partner+".")
	if err != nil || first.Failed || len(first.Answers) != 2 {
		t.Fatalf("%+v %v", first, err)
	}
	expect(t, "queries", sent(first), both(partner, partner, partner))
	again, err := resolver.Lookup(context.Background(), partner+".")
	if err != nil || len(again.Queries) != 2 {
		t.Errorf("it was not remembered: %v %v", sent(again), err)
	}
}

func TestRotateSpreadsLookupsOverTheServers(t *testing.T) {
	var servers []*fake
	config := inPod()
	for range 3 {
		one := serve(t, "127.0.0.1:0", zone(map[string][]string{partner: {"192.0.2.7"}}))
		servers, config.Servers = append(servers, one), append(config.Servers, one.server)
	}
	config.Rotate = true
	resolver := New(config)
	for range 9 {
		if _, err := resolver.Lookup(context.Background(), partner+"."); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range servers {
		if len(one.seen()) != 6 {
			t.Errorf("%v got %d queries", one.server, len(one.seen()))
		}
	}
}

func TestLookupEndsWithItsContext(t *testing.T) {
	config := inPod(silent(t).server)
	config.Timeout = types.Duration(30 * time.Second)
	for _, vc := range []bool{false, true} {
		config.UseVc = vc
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := New(config).Lookup(ctx, partner); err != context.DeadlineExceeded || time.Since(began) > 5*time.Second {
			t.Errorf("use-vc %v: %v after %v", vc, err, time.Since(began))
		}
	}
}

func TestTenThousandLookupsInParallelLeaveNothingBehind(t *testing.T) {
	dns := partnerDNS(t, nil)
	config := inPod(dns.server, silent(t).server)
	config.Timeout = types.Duration(time.Second)
	sockets, routines := descriptors(t), runtime.NumGoroutine()
	var done sync.WaitGroup
	var found, failed, answered, unclear atomic.Int64
	for range 10_000 {
		done.Go(func() {
			result, err := New(config).Lookup(context.Background(), partner)
			if err != nil {
				t.Error(err)
			}
			if result.Failed {
				failed.Add(1)
			} else {
				found.Add(1)
			}
			for _, query := range result.Queries {
				if query.Rcode != "" {
					answered.Add(1)
				} else if !query.TimedOut {
					unclear.Add(1)
				}
			}
		})
	}
	done.Wait()
	// How many packets a flooded loopback drops is not for us to say; that each query is accounted for is.
	t.Logf("%d found, %d failed, %d queries answered", found.Load(), failed.Load(), answered.Load())
	if found.Load()+failed.Load() != 10_000 || found.Load() == 0 || unclear.Load() > 0 {
		t.Errorf("%d found, %d failed, %d queries unclear", found.Load(), failed.Load(), unclear.Load())
	}
	if counted := int64(dns.counted(t)); counted < answered.Load() {
		t.Errorf("CoreDNS counted %d queries, of which %d were answered", counted, answered.Load())
	}
	for range 500 {
		if descriptors(t) <= sockets && runtime.NumGoroutine() <= routines {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("sockets %d → %d, goroutines %d → %d", sockets, descriptors(t), routines, runtime.NumGoroutine())
}

// descriptors is how many sockets this process has open.
func descriptors(t testing.TB) (sockets int) {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	for _, file := range files {
		if target, err := os.Readlink("/proc/self/fd/" + file.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			sockets++
		}
	}
	return sockets
}
