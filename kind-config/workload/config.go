package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// writeConfig is the sidecar: after a pause it reads its own image from disk, then writes the file that the server beside it needs.
func writeConfig(ctx context.Context, args []string) error {
	flags := newFlags("write-config")
	path := flags.String("file", "", "file to write")
	image := coldFlags(flags)
	after := flags.Duration("after", 0, "pause before it reads: what a program does before it opens its files")
	every := flags.Duration("every", 10*time.Second, "pause between two writings")
	once := flags.Bool("once", false, "end after the first writing: an init container")
	length := sizeFlag(flags, "size", 64<<10, "size of the file")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *path == "" {
		return usageError{fmt.Errorf("--file is missing")}
	}
	if err := pause(ctx, *after); err != nil {
		return err
	}
	if err := image.read(ctx); err != nil {
		return err
	}
	for {
		began := time.Now()
		if err := replace(*path, make([]byte, *length)); err != nil {
			return err
		}
		fmt.Printf("wrote %s in %.3f s\n", *path, time.Since(began).Seconds())
		if *once {
			return nil
		}
		if err := pause(ctx, *every); err != nil {
			return err
		}
	}
}

// replace puts a whole, synced file in place: there is never half a file under its name.
func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".tmp-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := file.Write(content); err != nil {
		file.Close()
		return err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
