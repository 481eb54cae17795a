package resolver

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

const partner = "api.partner.example"

// both are the queries for names, each of them A and AAAA.
func both(names ...string) (lines []string) {
	for _, name := range names {
		lines = append(lines, "A "+name, "AAAA "+name)
	}
	return lines
}

func expect[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got  %v\n want %v", what, got, want)
	}
}

// partnerDNS is a CoreDNS that forwards to a server which knows one external name.
func partnerDNS(t testing.TB, more map[string][]string) coredns {
	table := map[string][]string{partner: {"192.0.2.7", "2001:db8::7"}}
	for name, addresses := range more {
		table[name] = addresses
	}
	upstream := serve(t, "127.0.0.1:0", zone(table))
	return startCoreDNS(t, "forward . "+upstream.server.String())
}

func TestExternalNameFansOutOverTheSearchList(t *testing.T) {
	dns := partnerDNS(t, nil)
	result := lookUp(t, inPod(dns.server), partner)
	expect(t, "queries", sent(result), both(
		partner+".default.svc.cluster.local", partner+".svc.cluster.local", partner+".cluster.local", partner))
	expect(t, "answers", result.Answers, []string{"192.0.2.7", "2001:db8::7"})
	if result.Failed || result.Cause != "" || result.Rcode != "NOERROR" {
		t.Errorf("failed %v, cause %q, rcode %q", result.Failed, result.Cause, result.Rcode)
	}
	var rcodes []string
	for _, query := range result.Queries {
		rcodes = append(rcodes, query.Rcode)
	}
	nx := "NXDOMAIN"
	expect(t, "rcodes", rcodes, []string{nx, nx, nx, nx, nx, nx, "NOERROR", "NOERROR"})
	if counted := dns.counted(t); counted != 8 {
		t.Errorf("CoreDNS counted %d queries", counted)
	}
}

func TestNdotsDecidesWhetherTheNameIsTriedFirstAsItIs(t *testing.T) {
	dns := partnerDNS(t, nil)
	config := inPod(dns.server)
	for ndots, queries := range map[int]int{0: 2, 1: 2, 2: 2, 3: 8, 15: 8} {
		config.Ndots = ndots
		if result := lookUp(t, config, partner); len(result.Queries) != queries || result.Failed {
			t.Errorf("ndots %d: %v", ndots, sent(result))
		}
	}
	// What fails as it is goes through the search list after all.
	config.Ndots = 2
	result := lookUp(t, config, "no.partner.example")
	expect(t, "queries", sent(result), both("no.partner.example", "no.partner.example.default.svc.cluster.local",
		"no.partner.example.svc.cluster.local", "no.partner.example.cluster.local"))
	if result.Cause != "NXDOMAIN" || !result.Failed {
		t.Errorf("cause %q", result.Cause)
	}
}

func TestTrailingDotMakesANameAbsolute(t *testing.T) {
	dns := partnerDNS(t, nil)
	expect(t, "queries", sent(lookUp(t, inPod(dns.server), partner+".")), both(partner))
	failing := lookUp(t, inPod(dns.server), "no.partner.example.")
	expect(t, "queries", sent(failing), both("no.partner.example"))
	if failing.Cause != "NXDOMAIN" {
		t.Errorf("cause %q", failing.Cause)
	}
}

func TestServiceNameIsFoundInItsOwnNamespaceAtOnce(t *testing.T) {
	dns := partnerDNS(t, map[string][]string{"web.default.svc.cluster.local": {"10.96.0.20"}})
	result := lookUp(t, inPod(dns.server), "web")
	expect(t, "queries", sent(result), both("web.default.svc.cluster.local"))
	expect(t, "answers", result.Answers, []string{"10.96.0.20"})
}

func TestNoDataContinuesTheSearchAndIsTheReasonInTheEnd(t *testing.T) {
	dns := partnerDNS(t, map[string][]string{"db.default.svc.cluster.local": {}, "db.cluster.local": {"10.0.0.9"}, "mx": {}})
	result := lookUp(t, inPod(dns.server), "db")
	expect(t, "queries", sent(result), both("db.default.svc.cluster.local", "db.svc.cluster.local", "db.cluster.local"))
	expect(t, "answers", result.Answers, []string{"10.0.0.9"})
	for name, cause := range map[string]string{"mx.": "NODATA", "mx": "NODATA", "no.": "NXDOMAIN", "no": "NXDOMAIN"} {
		if got := lookUp(t, inPod(dns.server), name); got.Cause != cause || !got.Failed {
			t.Errorf("%s: cause %q, expected %q", name, got.Cause, cause)
		}
	}
}

func TestServfailGoesToTheNextServer(t *testing.T) {
	// CoreDNS says SERVFAIL for a name that its hosts do not have.
	bad := startCoreDNS(t, "hosts {\n 192.0.2.1 other.example\n}")
	good := partnerDNS(t, nil)
	result := lookUp(t, inPod(bad.server, good.server), partner+".")
	expect(t, "queries", sent(result), both(partner, partner))
	expect(t, "answers", result.Answers, []string{"192.0.2.7", "2001:db8::7"})
	if bad.counted(t) != 2 || good.counted(t) != 2 {
		t.Errorf("counted %d and %d", bad.counted(t), good.counted(t))
	}
	alone := lookUp(t, inPod(bad.server), partner+".")
	if alone.Cause != "SERVFAIL" || len(alone.Queries) != 4 {
		t.Errorf("alone: cause %q after %d queries", alone.Cause, len(alone.Queries))
	}
}

func TestServfailContinuesTheSearchButRefusalDoesNot(t *testing.T) {
	for rcode, names := range map[dnsmessage.RCode]int{dnsmessage.RCodeServerFailure: 4, dnsmessage.RCodeRefused: 2} {
		server := serve(t, "127.0.0.1:0", func(query asked) [][]byte {
			if strings.HasSuffix(query.name, ".local") {
				return query.answers(rcode)
			}
			return query.answers(dnsmessage.RCodeSuccess, "192.0.2.7")
		})
		config := inPod(server.server)
		config.Attempts = 1
		if result := lookUp(t, config, partner); len(result.Queries) != 2*names || result.Failed {
			t.Errorf("%v: %v", rcode, sent(result))
		}
	}
}

func TestAddressIsItsOwnAnswer(t *testing.T) {
	result := lookUp(t, inPod(Server{}.at(t, "127.0.0.1:9")), "10.0.0.1")
	expect(t, "answers", result.Answers, []string{"10.0.0.1"})
	if len(result.Queries) != 0 {
		t.Errorf("asked %v", sent(result))
	}
}

func TestNameThatNoQueryCanHoldIsAFailureWithoutQueries(t *testing.T) {
	for _, name := range []string{strings.Repeat("a", 64), "a..b.", strings.Repeat("abc.", 70)} {
		config := inPod(Server{}.at(t, "127.0.0.1:9"))
		config.Search = nil
		if got := lookUp(t, config, name); got.Cause != "invalid name" || len(got.Queries) > 0 {
			t.Errorf("%.20q: %+v", name, got)
		}
	}
}

func (Server) at(t testing.TB, text string) (server Server) {
	t.Helper()
	if err := server.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return server
}
