package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// worker is a child of nginx's master, as /proc shows it.
type worker struct {
	Pid int `json:"pid"`
	// Ending: it was told to end, and has not yet.
	Ending      bool `json:"ending"`
	Connections int  `json:"connections"`
}

// The states of TCP sockets in /proc/net/tcp.
const established = "01"

func workersOf(master int) ([]worker, error) {
	workers := []worker{}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", master, master))
	if err != nil {
		return workers, unlessGone(err)
	}
	sockets, err := connected()
	if err != nil {
		return nil, err
	}
	for _, field := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		title := titleOf(pid)
		if !strings.Contains(title, "worker process") {
			continue
		}
		connections, err := held(pid, sockets)
		// Of a process that waits to be reaped the kernel shows its files to root alone, and no title.
		if err != nil && titleOf(pid) == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		ending := strings.Contains(title, "is shutting down")
		workers = append(workers, worker{Pid: pid, Ending: ending, Connections: connections})
	}
	return workers, nil
}

// titleOf is empty for a process that has ended.
func titleOf(pid int) string {
	title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(title)
}

// connected are the inodes of the TCP sockets of this network namespace that are connected.
func connected() (map[string]bool, error) {
	inodes := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/net/" + table)
		if unlessGone(err) != nil {
			return nil, err
		}
		for _, line := range strings.Split(string(text), "\n") {
			if fields := strings.Fields(line); len(fields) > 9 && fields[3] == established {
				inodes[fields[9]] = true
			}
		}
	}
	return inodes, nil
}

func held(pid int, sockets map[string]bool) (int, error) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(folder)
	count := 0
	for _, file := range files {
		target, err := os.Readlink(folder + "/" + file.Name())
		if unlessGone(err) != nil {
			return 0, err
		}
		inode, found := strings.CutPrefix(target, "socket:[")
		if found && sockets[strings.TrimSuffix(inode, "]")] {
			count++
		}
	}
	return count, unlessGone(err)
}

// unlessGone is nil for what ended meanwhile, and for a table that this kernel does not have.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
