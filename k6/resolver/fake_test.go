package resolver

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.k6.io/k6/lib/types"
	"golang.org/x/net/dns/dnsmessage"
)

// asked is a query as a fake server got it.
type asked struct {
	name, kind, transport, from string
	message                     dnsmessage.Message
}

// fake is a DNS server on UDP and TCP of loopback that answers what a test tells it to answer.
type fake struct {
	server Server
	mutex  sync.Mutex
	log    []asked
}

// serve starts a fake; answer may return no message at all, or several.
func serve(t testing.TB, address string, answer func(asked) [][]byte) *fake {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	made := &fake{server: Server{listener.Addr().(*net.TCPAddr).AddrPort()}}
	packets, err := net.ListenPacket("udp", made.server.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packets.Close(); listener.Close() })
	go func() {
		buffer := make([]byte, 65536)
		for {
			size, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			query := made.note(buffer[:size], "udp", from)
			go func() {
				for _, one := range answer(query) {
					packets.WriteTo(one, from)
				}
			}()
		}
	}()
	go func() {
		for {
			line, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer line.Close()
				for {
					body, err := frame(line)
					if err != nil {
						return
					}
					for _, one := range answer(made.note(body, "tcp", line.RemoteAddr())) {
						line.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(one))), one...))
					}
				}
			}()
		}
	}()
	return made
}

func (f *fake) note(body []byte, transport string, from net.Addr) asked {
	query := asked{transport: transport, from: from.String()}
	if err := query.message.Unpack(body); err == nil && len(query.message.Questions) == 1 {
		question := query.message.Questions[0]
		query.name = strings.TrimSuffix(question.Name.String(), ".")
		query.kind = strings.TrimPrefix(question.Type.String(), "Type")
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.log = append(f.log, query)
	return query
}

// seen is what was asked until now, as `A name`.
func (f *fake) seen() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var lines []string
	for _, query := range f.log {
		lines = append(lines, query.kind+" "+query.name)
	}
	return lines
}

func (q asked) reply(rcode dnsmessage.RCode, addresses ...string) dnsmessage.Message {
	message := dnsmessage.Message{Header: q.message.Header, Questions: q.message.Questions}
	message.Response, message.RecursionAvailable, message.RCode = true, true, rcode
	for _, one := range addresses {
		address := netip.MustParseAddr(one)
		if address.Is4() != (q.kind == "A") {
			continue
		}
		header := dnsmessage.ResourceHeader{Name: q.message.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 5}
		var body dnsmessage.ResourceBody = &dnsmessage.AAAAResource{AAAA: address.As16()}
		if address.Is4() {
			body = &dnsmessage.AResource{A: address.As4()}
		}
		message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: body})
	}
	return message
}

// answers builds the reply with those of the addresses that are of the type that was asked for.
func (q asked) answers(rcode dnsmessage.RCode, addresses ...string) [][]byte {
	return packed(q.reply(rcode, addresses...))
}

func packed(message dnsmessage.Message) [][]byte {
	body, err := message.Pack()
	if err != nil {
		panic(err)
	}
	return [][]byte{body}
}

// zone answers from a table; `name`: no addresses is NODATA; what is not there is NXDOMAIN.
func zone(table map[string][]string) func(asked) [][]byte {
	return func(query asked) [][]byte {
		addresses, there := table[query.name]
		if !there {
			return query.answers(dnsmessage.RCodeNameError)
		}
		return query.answers(dnsmessage.RCodeSuccess, addresses...)
	}
}

// inPod is the resolv.conf of a pod, with short time-outs.
func inPod(servers ...Server) Config {
	config := defaults()
	config.Servers = servers
	config.Search = []string{"default.svc.cluster.local", "svc.cluster.local", "cluster.local"}
	config.Ndots = 5
	config.Timeout = types.Duration(200 * time.Millisecond)
	return config
}

func lookUp(t testing.TB, config Config, name string) Result {
	t.Helper()
	if err := config.check(); err != nil {
		t.Fatal(err)
	}
	result, err := New(config).Lookup(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// sent is what a lookup sent, as `A name`.
func sent(result Result) []string {
	var lines []string
	for _, query := range result.Queries {
		lines = append(lines, query.Type+" "+query.Name)
	}
	return lines
}
