// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"strconv"
	"strings"
)

// canonical makes one of the mailboxes and numbers that apps take for one account. A
// login with express-validator's normalizeEmail finds alice in a.l.ice+1@googlemail.com,
// and one with a column of numbers finds 123 in 0123, 1.23e2 and 0x7b.
func canonical(value string) string {
	if at := strings.LastIndexByte(value, '@'); at > 0 {
		if local, domain := mailbox(value[:at], value[at+1:]); len(local)+len(domain) < len(value)-1 {
			return local + "@" + domain
		}
		return value
	}
	if value == "" || value[0] > '9' {
		return value
	}
	return number(value)
}

// oneDomain are domains of one provider, by which validator.js knows mailboxes.
var oneDomain = map[string]string{
	"googlemail.com": "gmail.com",
	"yandex.ru":      "ya.ru", "yandex.ua": "ya.ru", "yandex.kz": "ya.ru", "yandex.com": "ya.ru", "yandex.by": "ya.ru",
}

// mailbox is an address without what only its owner sees: what stands behind a plus, or
// at Yahoo a dash, and dots at Gmail.
func mailbox(local, domain string) (string, string) {
	if one := oneDomain[domain]; one != "" {
		domain = one
	}
	cut := "+"
	if strings.HasPrefix(domain, "yahoo.") || domain == "ymail.com" || domain == "rocketmail.com" {
		cut = "+-"
	}
	if i := strings.IndexAny(local, cut); i > 0 {
		local = local[:i]
	}
	if domain == "gmail.com" {
		local = strings.ReplaceAll(local, ".", "")
	}
	return local, domain
}

// number is a number as JavaScript, a database and a telephone know it: what Number
// makes a whole one of counts by its value, and anything else without letters by its
// digits.
func number(value string) string {
	if i, err := strconv.ParseInt(strings.TrimLeft(value, "+-"), 0, 64); err == nil && len(value) > 1 && value[0] == '0' && value[1] > '9' {
		return strconv.FormatInt(i, 10) // 0x, 0o and 0b
	}
	if f, err := strconv.ParseFloat(value, 64); err == nil && f == float64(int64(f)) && f > -1e15 && f < 1e15 {
		return strconv.FormatInt(max(int64(f), -int64(f)), 10)
	}
	digits := make([]byte, 0, len(value))
	for i := range len(value) {
		switch c := value[i]; {
		case '0' <= c && c <= '9':
			if c != '0' || len(digits) > 0 {
				digits = append(digits, c)
			}
		case c >= 'a' || c == '@':
			return value
		}
	}
	if len(digits) == 0 {
		return value
	}
	return string(digits)
}
