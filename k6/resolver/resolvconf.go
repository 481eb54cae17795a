package resolver

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.k6.io/k6/lib/types"
)

// parse reads a resolv.conf(5), unchecked as yet: the last search or domain counts, the first three servers, options within their limits.
// Unlike glibc it does not pass over what it cannot read, which would load another server than the one that was meant.
func parse(text string) (Config, error) {
	config := defaults()
	for at, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if err := config.read(words[0], words[1:]); err != nil {
			return Config{}, fmt.Errorf("resolv.conf:%d: %w", at+1, err)
		}
	}
	if len(config.Servers) == 0 {
		local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)
		config.Servers = []Server{{local}}
	}
	return config, nil
}

func (c *Config) read(keyword string, words []string) error {
	switch keyword {
	case "nameserver":
		if len(words) == 0 {
			return fmt.Errorf("nameserver without an address")
		}
		address, err := netip.ParseAddr(words[0])
		if err != nil {
			return fmt.Errorf("nameserver %q is no address (ports belong into the option servers)", words[0])
		}
		if len(c.Servers) < maxServers {
			c.Servers = append(c.Servers, Server{netip.AddrPortFrom(address, dnsPort)})
		}
	case "search":
		c.Search = append([]string{}, words...)
	case "domain":
		c.Search = append([]string{}, words[:min(1, len(words))]...)
	case "options":
		for _, word := range words {
			if err := c.option(word); err != nil {
				return err
			}
		}
	}
	// sortlist orders answers, which are not sorted here.
	return nil
}

func (c *Config) option(word string) error {
	name, value, _ := strings.Cut(word, ":")
	flags := map[string]*bool{
		"rotate": &c.Rotate, "single-request": &c.SingleRequest, "single-request-reopen": &c.SingleRequestReopen,
		"use-vc": &c.UseVc, "edns0": &c.Edns0, "no-aaaa": &c.NoAaaa, "no-tld-query": &c.NoTldQuery, "trust-ad": &c.TrustAd,
	}
	if flag := flags[name]; flag != nil {
		*flag = true
		return nil
	}
	if name != "ndots" && name != "timeout" && name != "attempts" {
		return nil
	}
	number, err := strconv.Atoi(value)
	if err != nil || number < 0 {
		return fmt.Errorf("option %q: expected a number", word)
	}
	switch name {
	case "ndots":
		c.Ndots = min(number, maxNdots)
	case "timeout":
		seconds := time.Duration(max(min(number, int(maxTimeout/time.Second)), 1))
		c.Timeout = types.Duration(seconds * time.Second)
	case "attempts":
		c.Attempts = max(min(number, maxAttempts), 1)
	}
	return nil
}
