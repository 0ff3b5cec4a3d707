// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package acme

import (
	"context"
	"log/slog"
	"slices"

	"go.uber.org/zap/zapcore"
)

// core gives what the library logs to the guard's log: warnings and what is worse as
// warnings, the rest as details. Its values are names, numbers and URLs, never keys.
type core struct {
	log  *slog.Logger
	with []zapcore.Field
}

func level(l zapcore.Level) slog.Level {
	if l >= zapcore.WarnLevel {
		return slog.LevelWarn // what is lost in the end is told as an error, once
	}
	return slog.LevelDebug
}

// Enabled is of the zapcore.Core.
func (c core) Enabled(l zapcore.Level) bool {
	return l > zapcore.DebugLevel && c.log.Enabled(context.Background(), level(l))
}

// With is of the zapcore.Core.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{c.log, append(slices.Clone(c.with), fields...)}
}

// Check is of the zapcore.Core.
func (c core) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return to.AddCore(e, c)
	}
	return to
}

// Write is of the zapcore.Core.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clone(c.with), fields...) {
		f.AddTo(values)
	}
	c.log.LogAttrs(context.Background(), level(e.Level), "acme: "+e.Message, slog.Any("details", values.Fields))
	return nil
}

// Sync is of the zapcore.Core.
func (core) Sync() error { return nil }
