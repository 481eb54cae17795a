package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Of posix_fadvise.
const (
	adviseRandom   = 1
	adviseDontNeed = 4
)

// cold is what a program reads from disk when it starts: its own image.
type cold struct {
	dir   *string
	block *size
}

func coldFlags(flags *flag.FlagSet) cold {
	return cold{
		flags.String("read", "", "files below this folder are read from disk first"),
		sizeFlag(flags, "block", 1<<20, "how much of them at once; less than 128KiB is without readahead, as pages of a program come"),
	}
}

// read reads every file from the disk: the page cache, which an image's unpacking left warm, is asked to forget each
// one first. Without a folder there is nothing to read.
func (c cold) read(ctx context.Context) error {
	if *c.dir == "" {
		return nil
	}
	began, bytes := time.Now(), int64(0)
	err := filepath.WalkDir(*c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		read, err := readFile(ctx, path, int64(*c.block))
		bytes += read
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("read %d bytes below %s in %.1f s\n", bytes, *c.dir, time.Since(began).Seconds())
	return nil
}

func readFile(ctx context.Context, path string, block int64) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	advise(file, adviseDontNeed)
	if block < 128<<10 {
		advise(file, adviseRandom)
	}
	buffer, sum := make([]byte, max(block, 1)), int64(0)
	for {
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
		read, err := file.Read(buffer)
		sum += int64(read)
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// Where the advice is refused, the file may come from memory, or faster.
func advise(file *os.File, advice uintptr) {
	_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, file.Fd(), 0, 0, advice, 0, 0)
}
