// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// echo is for how long signals after the first are the same one: a terminal or a service
// manager sends it to the program and to the wrappers that started it, which send it on.
const echo = time.Second

// interruptible is done at the first signal to end. A second one, later than again, ends the
// process, whatever it does.
func interruptible(again time.Duration) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(again, stop) })
	return ctx, stop
}
