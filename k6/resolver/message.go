package resolver

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	headerSize = 12
	// What glibc offers a server that it speaks EDNS0 with.
	ednsSize = 1200
)

// question is one query as it goes over the wire.
type question struct {
	name string
	kind dnsmessage.Type
	id   uint16
	wire []byte
}

// reply is an answer to one question, not yet looked into.
type reply struct {
	rcode dnsmessage.RCode
	// records is how many the header promises.
	records   int
	truncated bool
	// useless: the server knows nothing, and nobody who would.
	useless bool
	body    []byte
}

// rejected: the server will not or cannot say, and another one may.
func (r *reply) rejected() bool {
	rcodes := []dnsmessage.RCode{dnsmessage.RCodeServerFailure, dnsmessage.RCodeNotImplemented, dnsmessage.RCodeRefused}
	return r.useless || slices.Contains(rcodes, r.rcode)
}

// answered is as glibc's res_query sees it: by the header alone.
func (r *reply) answered() bool { return r.rcode == dnsmessage.RCodeSuccess && r.records > 0 }

func sendable(name string) bool {
	_, err := pack(name, dnsmessage.TypeA, 0, Config{})
	return err == nil
}

// ask makes the questions for an absolute name, with ids that differ.
func ask(name string, config Config) ([]question, error) {
	kinds := []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA}
	if config.NoAaaa {
		kinds = kinds[:1]
	}
	first := uint16(rand.Uint32())
	questions := make([]question, len(kinds))
	for at, kind := range kinds {
		id := first
		if at > 0 {
			id += uint16(1 + rand.UintN(1<<16-1))
		}
		wire, err := pack(name, kind, id, config)
		if err != nil {
			return nil, err
		}
		questions[at] = question{name, kind, id, wire}
	}
	return questions, nil
}

func pack(name string, kind dnsmessage.Type, id uint16, config Config) ([]byte, error) {
	asked, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, err
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: config.TrustAd},
		Questions: []dnsmessage.Question{{Name: asked, Type: kind, Class: dnsmessage.ClassINET}},
	}
	if config.Edns0 {
		option := dnsmessage.Resource{Body: &dnsmessage.OPTResource{}}
		if err := option.Header.SetEDNS0(ednsSize, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		message.Additionals = []dnsmessage.Resource{option}
	}
	return message.Pack()
}

// match tells which of the questions a message answers, and -1 when none: it is late, forged or garbled.
func match(body []byte, questions []question) (int, *reply) {
	var parser dnsmessage.Parser
	header, err := parser.Start(body)
	if err != nil {
		return -1, nil
	}
	got := &reply{
		rcode:     header.RCode,
		records:   int(binary.BigEndian.Uint16(body[6:])),
		truncated: header.Truncated,
		body:      body,
	}
	additional := binary.BigEndian.Uint16(body[10:])
	got.useless = got.rcode == dnsmessage.RCodeSuccess && got.records == 0 && additional == 0 &&
		!header.Authoritative && !header.RecursionAvailable
	at := slices.IndexFunc(questions, func(one question) bool { return one.id == header.ID })
	if at < 0 {
		return -1, nil
	}
	repeated, err := parser.AllQuestions()
	one := questions[at]
	if err != nil || len(repeated) != 1 || repeated[0].Type != one.kind || repeated[0].Class != dnsmessage.ClassINET ||
		!strings.EqualFold(repeated[0].Name.String(), one.name) {
		return -1, nil
	}
	return at, got
}

// addresses follows the aliases from the name that was asked. What comes before a garbled record counts.
func (r *reply) addresses(name string) ([]string, error) {
	var parser dnsmessage.Parser
	if _, err := parser.Start(r.body); err != nil {
		return nil, err
	}
	if err := parser.SkipAllQuestions(); err != nil {
		return nil, err
	}
	var found []string
	for {
		record, err := parser.Answer()
		if err == dnsmessage.ErrSectionDone {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("garbled answer: %w", err)
		}
		if record.Header.Class != dnsmessage.ClassINET || !strings.EqualFold(record.Header.Name.String(), name) {
			continue
		}
		switch body := record.Body.(type) {
		case *dnsmessage.CNAMEResource:
			name = body.CNAME.String()
		case *dnsmessage.AResource:
			found = append(found, netip.AddrFrom4(body.A).String())
		case *dnsmessage.AAAAResource:
			found = append(found, netip.AddrFrom16(body.AAAA).String())
		}
	}
}

func rcodeName(rcode dnsmessage.RCode) string {
	names := []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
	if int(rcode) < len(names) {
		return names[rcode]
	}
	return fmt.Sprintf("RCODE%d", rcode)
}
