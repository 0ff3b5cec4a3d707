// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The spellings of numbers, sizes and durations. The schema has the last two
// as patterns.
const (
	sizePattern     = `^(0|[1-9][0-9]*)([KkMmGg][Ii]?[Bb]|[Bb])?$`
	durationPattern = `^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?([0-9]+ns)?$`
)

var (
	decimal      = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	jsonNumber   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	sizeText     = regexp.MustCompile(sizePattern)
	durationText = regexp.MustCompile(durationPattern)
)

const (
	sizeHint     = "write 512, 100KB or 5MB"
	durationHint = "write 15m, 90s or 1h"
)

// setScalar puts a scalar into v. The message says why it could not.
func setScalar(n *node, s *shape, v reflect.Value) (message, hint string) {
	switch s.kind {
	case stringKind:
		if len(s.values) == 0 && !n.isText() {
			// The value is not repeated: where text belongs, it may be a secret.
			return "expected text, found " + n.describe(), "put it in quotes"
		}
		if s.filled && n.text == "" {
			return "is empty", "write a value, or leave the key out"
		}
		if message, hint := s.checkValue(n.text); message != "" {
			return message, hint
		}
		v.SetString(n.text)
	case boolKind:
		if n.quoted || n.text != "true" && n.text != "false" {
			return excerpt(n.text) + " is not a boolean", "write true or false, without quotes"
		}
		v.SetBool(n.text == "true")
	case intKind:
		i, err := strconv.ParseInt(n.text, 10, 64)
		switch {
		case n.quoted || !decimal.MatchString(n.text):
			return excerpt(n.text) + " is not a whole number", "write decimal digits, without quotes"
		case err != nil || v.OverflowInt(i):
			most := int64(math.MaxInt64) >> (64 - v.Type().Bits())
			return excerpt(n.text) + " is out of range", fmt.Sprintf("write a number from %d to %d", -most-1, most)
		}
		v.SetInt(i)
	case uintKind:
		u, err := strconv.ParseUint(n.text, 10, 64)
		switch {
		case n.quoted || !decimal.MatchString(n.text):
			return excerpt(n.text) + " is not a whole number", "write decimal digits, without quotes"
		case err != nil || v.OverflowUint(u):
			return excerpt(n.text) + " is out of range", fmt.Sprintf("write a number from 0 to %d", uint64(math.MaxUint64)>>(64-v.Type().Bits()))
		}
		v.SetUint(u)
	case floatKind:
		f, err := strconv.ParseFloat(n.text, 64)
		switch {
		case n.quoted || !jsonNumber.MatchString(n.text):
			return excerpt(n.text) + " is not a number", "write decimal digits, without quotes"
		case err != nil || v.OverflowFloat(f):
			return excerpt(n.text) + " is out of range", ""
		}
		v.SetFloat(f)
	case durationKind:
		return setDuration(n.text, v)
	case sizeKind:
		return setSize(n.text, v)
	}
	return "", ""
}

// checkValue reports text that an enumeration does not have.
func (s *shape) checkValue(text string) (message, hint string) {
	if len(s.values) == 0 || slices.Contains(s.values, text) {
		return "", ""
	}
	return excerpt(text) + " is not one of " + strings.Join(s.values, ", "), nearest(text, s.values)
}

// setSize reads a number of bytes.
func setSize(text string, v reflect.Value) (message, hint string) {
	if !sizeText.MatchString(text) {
		return excerpt(text) + " is not a size", sizeHint
	}
	digits := strings.TrimRight(text, "KkMmGgIiBb")
	factor := uint64(1)
	switch unit := strings.ToUpper(text[len(digits):]); {
	case strings.HasPrefix(unit, "K"):
		factor = 1 << 10
	case strings.HasPrefix(unit, "M"):
		factor = 1 << 20
	case strings.HasPrefix(unit, "G"):
		factor = 1 << 30
	}
	count, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || count > math.MaxInt64/factor {
		return excerpt(text) + " is out of range", ""
	}
	bytes := count * factor
	switch {
	case v.CanUint() && !v.OverflowUint(bytes):
		v.SetUint(bytes)
	case v.CanInt() && !v.OverflowInt(int64(bytes)):
		v.SetInt(int64(bytes))
	default:
		return excerpt(text) + " is out of range", ""
	}
	return "", ""
}

// formatSize writes a number of bytes in the largest unit that divides it.
func formatSize(bytes uint64) string {
	for shift := 30; shift > 0; shift -= 10 {
		if bytes != 0 && bytes%(1<<shift) == 0 {
			return strconv.FormatUint(bytes>>shift, 10) + map[int]string{30: "GB", 20: "MB", 10: "KB"}[shift]
		}
	}
	return strconv.FormatUint(bytes, 10)
}

// The units of a duration, the largest first.
var units = []struct {
	name string
	size time.Duration
}{
	{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1},
}

// setDuration reads a duration: whole numbers with units, the largest first.
func setDuration(text string, v reflect.Value) (message, hint string) {
	if text == "0" {
		v.SetInt(0)
		return "", ""
	}
	if text == "" || !durationText.MatchString(text) {
		if decimal.MatchString(text) {
			return excerpt(text) + " is a duration without its unit", durationHint
		}
		return excerpt(text) + " is not a duration", durationHint
	}
	var total time.Duration
	for i, digits := range durationText.FindStringSubmatch(text)[1:] {
		if digits == "" {
			continue
		}
		count, err := strconv.ParseInt(strings.TrimSuffix(digits, units[i].name), 10, 64)
		if err != nil || count > int64((math.MaxInt64-total)/units[i].size) {
			return excerpt(text) + " is out of range", ""
		}
		total += time.Duration(count) * units[i].size
	}
	v.SetInt(int64(total))
	return "", ""
}

// formatDuration writes a duration that is not negative.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range units {
		if count := d / unit.size; count > 0 {
			fmt.Fprintf(&b, "%d%s", count, unit.name)
			d -= count * unit.size
		}
	}
	return b.String()
}

// excerpt quotes text for a message, shortened.
func excerpt(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
