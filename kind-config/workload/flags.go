package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
)

type usageError struct{ error }

// parse reads the flags of a role; words that are no flags are an error.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return err
		}
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected %q", flags.Arg(0))}
	}
	return nil
}

func newFlags(role string) *flag.FlagSet {
	return flag.NewFlagSet(role, flag.ContinueOnError)
}

// size is a flag in bytes, written like 64KiB, 4MiB or 512.
type size int64

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(text string) error {
	for _, unit := range sizeUnits {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || value < 0 || value*unit.bytes > 1<<50 {
			break
		}
		*s = size(value * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size such as 64KiB or 4MiB", text)
}

func sizeFlag(flags *flag.FlagSet, name string, value size, help string) *size {
	flags.Var(&value, name, help)
	return &value
}
