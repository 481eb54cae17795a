package resolver

import (
	"bytes"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// hostile is what a stranger could send before the real answer.
var hostile = map[string]func(asked) []byte{
	"wrong id": func(query asked) []byte {
		message := query.reply(dnsmessage.RCodeSuccess, "203.0.113.66", "2001:db8::66")
		message.ID ^= 0x5555
		return packed(message)[0]
	},
	"wrong question": func(query asked) []byte {
		message := query.reply(dnsmessage.RCodeSuccess, "203.0.113.66", "2001:db8::66")
		message.Questions[0].Name = dnsmessage.MustNewName("evil.example.")
		return packed(message)[0]
	},
	"wrong type": func(query asked) []byte {
		message := query.reply(dnsmessage.RCodeSuccess, "203.0.113.66")
		message.Questions[0].Type = dnsmessage.TypeTXT
		return packed(message)[0]
	},
	"no question": func(query asked) []byte {
		message := query.reply(dnsmessage.RCodeSuccess, "203.0.113.66")
		message.Questions = nil
		return packed(message)[0]
	},
	"a question that loops": func(query asked) []byte {
		body := packed(query.reply(dnsmessage.RCodeSuccess))[0]
		return append(append([]byte(nil), body[:headerSize]...), 0xc0, headerSize, 0, 1, 0, 1)
	},
	"promises without records": func(query asked) []byte {
		body := packed(query.reply(dnsmessage.RCodeSuccess))[0][:headerSize]
		for at := 4; at < headerSize; at++ {
			body[at] = 0xff
		}
		return body
	},
	"noise": func(asked) []byte { return bytes.Repeat([]byte{0xff}, 512) },
}

func TestStrangersAreNotBelieved(t *testing.T) {
	for what, forge := range hostile {
		server := serve(t, "127.0.0.1:0", func(query asked) [][]byte {
			copied := query
			copied.message.Questions = append([]dnsmessage.Question(nil), query.message.Questions...)
			return append([][]byte{forge(copied)}, query.answers(dnsmessage.RCodeSuccess, "192.0.2.7", "2001:db8::7")...)
		})
		result := lookUp(t, inPod(server.server), partner+".")
		expect(t, what, result.Answers, []string{"192.0.2.7", "2001:db8::7"})
		if len(result.Queries) != 2 {
			t.Errorf("%s: %v", what, sent(result))
		}
		alone := serve(t, "127.0.0.1:0", func(query asked) [][]byte { return [][]byte{forge(query)} })
		if got := lookUp(t, inPod(alone.server), partner+"."); got.Cause != "timeout" {
			t.Errorf("%s alone: cause %q", what, got.Cause)
		}
	}
}

func TestScrapsAndOversizeDoNotHangOrCrash(t *testing.T) {
	scrap := serve(t, "127.0.0.1:0", func(asked) [][]byte { return [][]byte{{1, 2, 3}} })
	good := serve(t, "127.0.0.1:0", zone(map[string][]string{partner: {"192.0.2.7"}}))
	if got := lookUp(t, inPod(scrap.server, good.server), partner+"."); got.Failed || got.Queries[0].Error != broken {
		t.Errorf("scrap: %+v", got)
	}
	large := serve(t, "127.0.0.1:0", func(query asked) [][]byte {
		body := query.answers(dnsmessage.RCodeSuccess, "192.0.2.7")[0]
		if query.transport == "udp" {
			body = append(body, make([]byte, 60_000)...)
		}
		return [][]byte{body}
	})
	got := lookUp(t, inPod(large.server), partner+".")
	if got.Failed || got.Queries[len(got.Queries)-1].Transport != "tcp" {
		t.Errorf("oversize: %+v", got)
	}
}

func TestGarbledRecordsYieldWhatCameBeforeThem(t *testing.T) {
	// An answer whose owner is a compression loop.
	loop := []byte{0xc0, 0, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 1, 2, 3, 4}
	for addresses, cause := range map[string]string{"": "garbled", "192.0.2.7": ""} {
		server := serve(t, "127.0.0.1:0", func(query asked) [][]byte {
			var real []string
			if addresses != "" {
				real = append(real, addresses)
			}
			body := query.answers(dnsmessage.RCodeSuccess, real...)[0]
			body[7]++
			at := len(body)
			body = append(body, loop...)
			body[at], body[at+1] = 0xc0|byte(at>>8), byte(at)
			return [][]byte{body}
		})
		if got := lookUp(t, inPod(server.server), partner+"."); got.Cause != cause {
			t.Errorf("%q: %+v", addresses, got)
		}
	}
}

func TestAliasesAreFollowedAndOthersRecordsAreNot(t *testing.T) {
	server := serve(t, "127.0.0.1:0", func(query asked) [][]byte {
		message := query.reply(dnsmessage.RCodeSuccess)
		if query.kind != "A" {
			return packed(message)
		}
		add := func(owner string, body dnsmessage.ResourceBody) {
			header := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(owner), Class: dnsmessage.ClassINET}
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: body})
		}
		add("evil.example.", &dnsmessage.AResource{A: [4]byte{203, 0, 113, 66}})
		add("API.partner.example.", &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("edge.example.")})
		add("edge.example.", &dnsmessage.TXTResource{TXT: []string{"x"}})
		add("edge.example.", &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}})
		return packed(message)
	})
	expect(t, "answers", lookUp(t, inPod(server.server), partner+".").Answers, []string{"192.0.2.7"})
}

func FuzzMatch(f *testing.F) {
	questions, err := ask(partner+".", Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(questions[0].wire)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) < headerSize {
			return
		}
		copy(body, questions[0].wire[:2])
		if which, got := match(body, questions); which >= 0 {
			got.addresses(partner + ".")
			got.rejected()
		}
	})
}
