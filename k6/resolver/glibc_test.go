package resolver

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// inside is set in the process that has a network and an /etc/resolv.conf of its own.
const inside = "ORDEAL_INSIDE"

// rules answer by the name's first label; what is not there is NXDOMAIN.
func rules(query asked) [][]byte {
	first, rest, _ := strings.Cut(query.name, ".")
	local := strings.HasSuffix(rest, ".local") || rest == "local"
	switch {
	case first == "external" && !local, first == "web" && rest == "svc.cluster.local":
		return query.answers(dnsmessage.RCodeSuccess, "192.0.2.7", "2001:db8::7")
	case first == "four":
		return query.answers(dnsmessage.RCodeSuccess, "192.0.2.7")
	case first == "nodata" && local, first == "empty":
		return query.answers(dnsmessage.RCodeSuccess)
	case first == "servfail" && local, first == "down":
		return query.answers(dnsmessage.RCodeServerFailure)
	case first == "refused" && local:
		return query.answers(dnsmessage.RCodeRefused)
	case first == "formerr" && local:
		return query.answers(dnsmessage.RCodeFormatError)
	case first == "half" && query.kind == "A":
		return query.answers(dnsmessage.RCodeSuccess, "192.0.2.7")
	case first == "half":
		return query.answers(dnsmessage.RCodeServerFailure)
	case first == "mixed" && query.kind == "A" && local:
		return query.answers(dnsmessage.RCodeSuccess)
	case first == "long":
		message := query.reply(dnsmessage.RCodeSuccess, "192.0.2.7", "2001:db8::7")
		message.Truncated = query.transport == "udp"
		return packed(message)
	case first == "silent" && local, first == "mute":
		return nil
	}
	return query.answers(dnsmessage.RCodeNameError)
}

// TestGlibcSendsTheSame compares with the C library of this machine, query by query.
func TestGlibcSendsTheSame(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Setenv(inside, "1")
		script := `ip link set lo up && exec "$0" -test.v -test.run '^TestGlibcSendsTheSame$'`
		text, err := exec.Command("unshare", "--net", "--mount", "sh", "-c", script, os.Args[0]).CombinedOutput()
		if err != nil && !strings.Contains(string(text), "--- FAIL") {
			t.Skipf("no network and mounts of its own here: %v: %s", err, text)
		}
		if t.Log(string(text)); err != nil {
			t.Fail()
		}
		return
	}
	bind(t, "hosts: dns\n", "/etc/nsswitch.conf")
	server := serve(t, "127.0.0.1:53", rules)
	names := []string{"external.example", "external.example.", "web", "web.svc", "four.x", "nodata.example", "empty", "empty.",
		"servfail.example", "down.", "refused.example", "formerr.example", "half.example", "mixed.example", "long.x", "no.a.b.c.d.e", "no", "no.",
		"10.0.0.1", "EXTERNAL.Example"}
	search := "nameserver 127.0.0.1\nsearch default.svc.cluster.local svc.cluster.local cluster.local\n"
	with := func(options string, names []string) {
		compare(t, server, search+"options timeout:1 attempts:2 "+options+"\n", names)
	}
	for _, options := range []string{"ndots:5", "ndots:1", "ndots:0", "ndots:5 use-vc", "ndots:2 edns0", "ndots:5 no-aaaa",
		"ndots:1 no-tld-query"} {
		with(options, names)
	}
	for _, options := range []string{"ndots:5 single-request", "ndots:5 single-request-reopen"} {
		with(options, []string{"external.example", "web", "empty", "mixed.example", "down.", "no.example"})
	}
	compare(t, server, "nameserver 127.0.0.1\nsearch .\noptions timeout:1 ndots:2\n", names)
	few := []string{"external.example", "web", "no.example", "down."}
	compare(t, server, "nameserver 127.0.0.9\nnameserver 127.0.0.1\noptions timeout:1\nsearch svc.cluster.local\n", few)
	compare(t, server, "nameserver 127.0.0.9\noptions timeout:1\nsearch svc.cluster.local\n", few)
	compare(t, server, search+"options timeout:1 ndots:5\n", []string{"mute.", "silent.example"})
}

func compare(t *testing.T, server *fake, text string, names []string) {
	bind(t, text, "/etc/resolv.conf")
	config, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		said, _ := exec.Command("getent", "ahosts", name).Output()
		theirs := server.wire()
		var addresses []string
		for line := range strings.Lines(string(said)) {
			addresses = append(addresses, strings.Fields(line)[0])
		}
		result := lookUp(t, config, name)
		ours := server.wire()
		where := strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") + ": " + name
		expect(t, where, ours, theirs)
		slices.Sort(addresses)
		slices.Sort(result.Answers)
		expect(t, where, result.Answers, slices.Compact(addresses))
	}
}

func bind(t *testing.T, text, over string) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("mount", "--bind", file, over).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Cleanup(func() { exec.Command("umount", over).Run() })
}

// wire takes what came, UDP before TCP: a query that was given up may come after all.
func (f *fake) wire() (lines []string) {
	time.Sleep(10 * time.Millisecond)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, transport := range []string{"udp", "tcp"} {
		for _, query := range f.log {
			if query.transport == transport {
				lines = append(lines, transport+" "+query.kind+" "+query.name)
			}
		}
	}
	f.log = nil
	return lines
}
