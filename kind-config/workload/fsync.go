package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// fsync is the canary of a disk: it writes one block in place and syncs it, and prints {"seconds":0.0123} for each.
func fsync(ctx context.Context, args []string) error {
	flags := newFlags("fsync")
	path := flags.String("file", "", "file to write; it is removed at the end")
	every := flags.Duration("every", 200*time.Millisecond, "pause between two syncs")
	count := flags.Int("count", 0, "number of syncs; 0 is until it is ended")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *path == "" {
		return usageError{fmt.Errorf("--file is missing")}
	}
	file, err := os.OpenFile(*path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(*path)
	defer file.Close()
	lines := json.NewEncoder(os.Stdout)
	block := make([]byte, 4<<10)
	for done := 0; *count == 0 || done < *count; done++ {
		if done > 0 {
			if err := pause(ctx, *every); err != nil {
				return err
			}
		}
		block[0]++
		began := time.Now()
		if _, err := file.WriteAt(block, 0); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		if err := lines.Encode(map[string]float64{"seconds": time.Since(began).Seconds()}); err != nil {
			return err
		}
	}
	return nil
}
