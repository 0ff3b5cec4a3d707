// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cookies

import (
	"strings"
	"time"
)

// parseDate reads an Expires as browsers do (RFC 6265 section 5.1.1): the time,
// the day, the month and the year, in any order and between any delimiters.
func parseDate(s string) (time.Time, bool) {
	var hour, minute, second, day, month, year int
	var hasTime, hasDay, hasMonth, hasYear bool
	for s != "" {
		start := strings.IndexFunc(s, func(r rune) bool { return !dateDelimiter(r) })
		if start < 0 {
			break
		}
		s = s[start:]
		end := strings.IndexFunc(s, dateDelimiter)
		if end < 0 {
			end = len(s)
		}
		token := s[:end]
		s = s[end:]

		if !hasTime {
			if hour, minute, second, hasTime = clock(token); hasTime {
				continue
			}
		}
		if !hasDay {
			if day, hasDay = number(token, 1, 2); hasDay {
				continue
			}
		}
		if !hasMonth {
			if month = monthOf(token); month > 0 {
				hasMonth = true
				continue
			}
		}
		if !hasYear {
			year, hasYear = number(token, 2, 4)
		}
	}
	switch {
	case year >= 70 && year <= 99:
		year += 1900
	case year < 70:
		year += 2000
	}
	if !hasTime || !hasDay || !hasMonth || !hasYear || day < 1 || day > 31 || year < 1601 ||
		hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t, t.Day() == day // no 31st of February
}

// dateDelimiter is everything but letters, digits, colons and what is not ASCII.
func dateDelimiter(r rune) bool {
	switch {
	case r >= '0' && r <= ':', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= 0x7f, r < ' ' && r != '\t':
		return false
	}
	return true
}

// number reads min to max digits at the start of a token, which may go on with
// anything but a digit.
func number(token string, least, most int) (n int, ok bool) {
	i := 0
	for i < len(token) && token[i] >= '0' && token[i] <= '9' {
		if i == most {
			return 0, false
		}
		n = n*10 + int(token[i]-'0')
		i++
	}
	return n, i >= least
}

// clock reads hours, minutes and seconds.
func clock(token string) (hour, minute, second int, ok bool) {
	h, rest, ok1 := strings.Cut(token, ":")
	m, s, ok2 := strings.Cut(rest, ":")
	if !ok1 || !ok2 || !digits(h) || !digits(m) {
		return 0, 0, 0, false
	}
	hour, ok1 = number(h, 1, 2)
	minute, ok2 = number(m, 1, 2)
	second, ok = number(s, 1, 2)
	return hour, minute, second, ok && ok1 && ok2
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

const months = "janfebmaraprmayjunjulaugsepoctnovdec"

// monthOf reads the first three letters of a token as a month, 0 for none.
func monthOf(token string) int {
	if len(token) < 3 {
		return 0
	}
	for i := 0; i < len(months); i += 3 {
		if strings.EqualFold(token[:3], months[i:i+3]) {
			return i/3 + 1
		}
	}
	return 0
}
