package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// hog takes memory step by step, touches every page, prints the bytes that it holds after each step, and holds them.
// With --dir it writes files there instead: below a memory-backed volume they stay when the process is killed.
func hog(ctx context.Context, args []string) error {
	flags := newFlags("hog")
	step := sizeFlag(flags, "step", 4<<20, "memory to take at once")
	total := sizeFlag(flags, "total", 64<<20, "memory to take in all")
	every := flags.Duration("every", 100*time.Millisecond, "pause between two steps")
	dir := flags.String("dir", "", "take it as files in this folder, which is memory-backed; those of a former life count")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *step <= 0 {
		return usageError{fmt.Errorf("--step must be more than 0")}
	}
	var held [][]byte
	taken, err := sizeOf(*dir)
	if err != nil {
		return err
	}
	for taken < *total {
		chunk := make([]byte, min(*step, *total-taken))
		// One different word a page: neither zero pages nor pages that could be merged.
		for at := 0; at < len(chunk); at += os.Getpagesize() {
			chunk[at] = byte(rand.Uint32()) | 1
		}
		if *dir == "" {
			held = append(held, chunk)
		} else if err := keep(*dir, chunk); err != nil {
			return err
		}
		taken += size(len(chunk))
		fmt.Println(int64(taken))
		if err := pause(ctx, *every); err != nil {
			return err
		}
	}
	<-ctx.Done()
	// Until here the memory is in use.
	_ = held[:]
	return nil
}

// sizeOf is what the files of a folder hold.
func sizeOf(dir string) (size, error) {
	if dir == "" {
		return 0, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var sum size
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return 0, err
		}
		sum += size(info.Size())
	}
	return sum, nil
}

func keep(dir string, chunk []byte) error {
	file, err := os.CreateTemp(dir, "hog-")
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write(chunk)
	return err
}
