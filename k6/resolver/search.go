package resolver

import (
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// The kinds of failure on which glibc's res_search decides whether to go on.
type kind int

const (
	found kind = iota
	notFound
	noData
	tryAgain
	final
)

// verdict is what is known of one name.
type verdict struct {
	kind    kind
	name    string
	replies []*reply
	// cause of the failure, for people and for tags: NXDOMAIN, NODATA, SERVFAIL, …, timeout, connection refused.
	cause string
	rcode string
	// absent: no server is there at all.
	absent bool
}

// search tries the name as it is and with the search list, in the order of glibc's res_search, until one has answers.
func (l *lookup) search(name string) (verdict, error) {
	absolute := strings.HasSuffix(name, ".")
	dots := strings.Count(name, ".")
	asIs := strings.TrimSuffix(name, ".") + "."
	var first *verdict
	if absolute || dots >= l.config.Ndots {
		got, err := l.query(asIs)
		if err != nil || got.kind == found || absolute {
			return got, err
		}
		first = &got
	}
	last, sawNoData, sawServfail, rootListed := verdict{}, false, false, false
	for _, domain := range l.config.Search {
		domain = strings.Trim(domain, ".")
		rootListed = rootListed || domain == ""
		got, err := l.query(strings.TrimSuffix(name+"."+domain, ".") + ".")
		if err != nil || got.kind == found || got.absent {
			return got, err
		}
		last = got
		sawNoData = sawNoData || got.kind == noData
		servfail := got.kind == tryAgain && got.rcode == "SERVFAIL"
		sawServfail = sawServfail || servfail
		if got.kind == final || got.kind == tryAgain && !servfail {
			break
		}
	}
	searched := len(l.config.Search) > 0
	if first == nil && !rootListed && (dots > 0 || !searched || !l.config.NoTldQuery) {
		got, err := l.query(asIs)
		if err != nil || got.kind == found {
			return got, err
		}
		last = got
	}
	switch {
	case first != nil:
		return *first, nil
	case sawNoData:
		return verdict{kind: noData, cause: "NODATA", rcode: "NOERROR"}, nil
	case sawServfail:
		return verdict{kind: tryAgain, cause: "SERVFAIL", rcode: "SERVFAIL"}, nil
	}
	return last, nil
}

// query asks for one absolute name, and reads the answers as glibc's res_query does.
func (l *lookup) query(name string) (verdict, error) {
	questions, err := ask(name, l.config)
	if err != nil {
		return verdict{kind: final, cause: "invalid name"}, nil
	}
	got, err := l.send(questions)
	if err != nil {
		return verdict{}, err
	}
	if !got.some() {
		return unanswered(got), nil
	}
	var rcode dnsmessage.RCode
	for _, one := range got.replies {
		if one != nil && one.answered() {
			return verdict{kind: found, name: name, replies: got.replies, rcode: rcodeName(one.rcode)}, nil
		}
		if one != nil && rcode == dnsmessage.RCodeSuccess {
			rcode = one.rcode
		}
	}
	said := verdict{rcode: rcodeName(rcode), cause: rcodeName(rcode)}
	switch rcode {
	case dnsmessage.RCodeSuccess:
		said.kind, said.cause = noData, "NODATA"
	case dnsmessage.RCodeNameError:
		said.kind = notFound
	case dnsmessage.RCodeServerFailure:
		said.kind = tryAgain
	default:
		said.kind = final
	}
	return said, nil
}

func unanswered(got outcome) verdict {
	said := verdict{kind: tryAgain, cause: got.failure, absent: !got.heard}
	if got.rejected != "" {
		said.cause, said.rcode = got.rejected, got.rejected
	}
	return said
}

// addresses is what the answers hold, or why there is none in them.
func (v verdict) addresses() (addresses []string, cause string) {
	addresses, cause = []string{}, "NODATA"
	for _, one := range v.replies {
		if one == nil || !one.answered() {
			continue
		}
		some, err := one.addresses(v.name)
		addresses = append(addresses, some...)
		if err != nil {
			cause = "garbled"
		}
	}
	if len(addresses) > 0 {
		return addresses, ""
	}
	return addresses, cause
}
