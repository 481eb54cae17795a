package resolver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"go.k6.io/k6/lib/types"
)

// The limits of resolv.conf(5).
const (
	maxServers  = 3
	maxNdots    = 15
	maxTimeout  = 30 * time.Second
	maxAttempts = 5
	dnsPort     = 53
)

// onlyVariable holds the only servers that may be asked, `127.0.0.1:1053,…`, where not every one may: beside an embedded
// cluster nothing may leave the machine, whatever its resolv.conf says. Pods do not have it.
const onlyVariable = "ORDEAL_DNS_ONLY"

// Config is what resolv.conf(5) says, by the names that scripts use. Servers may have ports, which resolv.conf cannot say.
type Config struct {
	Servers []Server `json:"servers"`
	Search  []string `json:"search"`
	Ndots   int      `json:"ndots"`
	// Timeout is how long the first server is waited for; for the others see wait.
	Timeout             types.Duration `json:"timeout"`
	Attempts            int            `json:"attempts"`
	Rotate              bool           `json:"rotate"`
	SingleRequest       bool           `json:"singleRequest"`
	SingleRequestReopen bool           `json:"singleRequestReopen"`
	UseVc               bool           `json:"useVc"`
	Edns0               bool           `json:"edns0"`
	NoAaaa              bool           `json:"noAaaa"`
	NoTldQuery          bool           `json:"noTldQuery"`
	TrustAd             bool           `json:"trustAd"`
}

// Server is an address with its port: `10.96.0.10`, `127.0.0.1:1053`, `::1`, `[::1]:1053`.
type Server struct{ netip.AddrPort }

// UnmarshalText reads an address with or without port; never a name, which would need a resolver to resolve.
func (s *Server) UnmarshalText(text []byte) error {
	if err := s.AddrPort.UnmarshalText(text); err == nil {
		return nil
	}
	address, err := netip.ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf("server %q: expected an address such as 10.96.0.10, 127.0.0.1:1053 or [::1]:1053", text)
	}
	s.AddrPort = netip.AddrPortFrom(address, dnsPort)
	return nil
}

// among is whether the server is on loopback and one of the list.
func (s Server) among(list string) bool {
	return s.Addr().IsLoopback() && slices.Contains(strings.Split(list, ","), s.String())
}

func defaults() Config {
	return Config{Search: []string{}, Ndots: 1, Timeout: types.Duration(5 * time.Second), Attempts: 2}
}

// with returns the configuration with what the JSON object says instead; unknown words and bad values are errors.
func (c Config) with(options []byte) (Config, error) {
	decoder := json.NewDecoder(bytes.NewReader(options))
	decoder.DisallowUnknownFields()
	// A list that is given replaces the former one, and does not overwrite it in place.
	c.Servers, c.Search = append([]Server(nil), c.Servers...), append([]string{}, c.Search...)
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("resolver options: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return c, c.check()
}

func (c Config) check() error {
	var wrong []error
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("resolver options: "+format, args...))
	}
	if len(c.Servers) == 0 || len(c.Servers) > maxServers {
		complain("servers: expected 1 to %d, got %d", maxServers, len(c.Servers))
	}
	for _, server := range c.Servers {
		if !server.IsValid() || server.Port() == 0 {
			complain("servers: %v has no address or port", server)
		} else if only, ok := os.LookupEnv(onlyVariable); ok && !server.among(only) {
			complain("servers: %v may not be asked here, only %q (%s)", server, only, onlyVariable)
		}
	}
	for _, domain := range c.Search {
		if domain != "." && !sendable(strings.TrimSuffix(domain, ".")+".") {
			complain("search: %q is no domain", domain)
		}
	}
	if c.Ndots < 0 || c.Ndots > maxNdots {
		complain("ndots: expected 0 to %d, got %d", maxNdots, c.Ndots)
	}
	if timeout := time.Duration(c.Timeout); timeout < time.Millisecond || timeout > maxTimeout {
		complain("timeout: expected 1ms to %v, got %v", maxTimeout, timeout)
	}
	if c.Attempts < 1 || c.Attempts > maxAttempts {
		complain("attempts: expected 1 to %d, got %d", maxAttempts, c.Attempts)
	}
	return errors.Join(wrong...)
}

// wait is how long a server is waited for, by its place in the list. Over all servers it adds up to about timeout each.
func (c Config) wait(at int) time.Duration {
	timeout := time.Duration(c.Timeout)
	wait := timeout << at
	if at > 0 {
		wait /= time.Duration(len(c.Servers))
	}
	// resolv.conf knows whole seconds, and so are the shares of them.
	if timeout%time.Second == 0 {
		wait = max(wait.Truncate(time.Second), time.Second)
	}
	return wait
}
