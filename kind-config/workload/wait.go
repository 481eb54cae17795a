package main

import (
	"context"
	"time"
)

// pause waits, and fails when the context ends before.
func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func sleep(ctx context.Context, args []string) error {
	if err := parse(newFlags("sleep"), args); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func hook(ctx context.Context, args []string) error {
	flags := newFlags("hook")
	image := coldFlags(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	return image.read(ctx)
}

func daemon(ctx context.Context, args []string) error {
	if err := hook(ctx, args); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
