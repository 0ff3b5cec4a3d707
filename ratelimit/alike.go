// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"strings"
	"sync"
	"unicode"
)

// alike writes in ASCII what databases compare as that, though NFKD tells it
// apart: in the root collation of CLDR and UCA, which is the default of MySQL 8 and
// what MongoDB and ICU do at their first strengths, ł is an l, æ is ae and ٣ is a 3.
func alike(value string) string {
	var b strings.Builder
	for _, c := range value {
		as, listed := alikes()[c]
		switch {
		case listed:
			b.WriteString(as)
		case unicode.Is(unicode.Nd, c):
			b.WriteByte('0' + digit(c))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// digit is the value of a decimal digit: those of a script follow one another.
func digit(c rune) byte {
	for _, r := range unicode.Nd.R16 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return byte((c - rune(r.Lo)) % 10)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return byte((c - rune(r.Lo)) % 10)
		}
	}
	return 0
}

var alikes = sync.OnceValue(func() map[rune]string {
	m := map[rune]string{}
	for as, letters := range alikeTo {
		for _, c := range letters {
			m[c] = as
		}
	}
	return m
})

// alikeTo lists what has the primary weights of one or two ASCII characters, or
// none, and would not become them by NFKD and folding: in small letters, and with
// the combining letters among the marks; and what newer versions of those weights, and
// older ones of MySQL, add. A test holds it against package collate, which is of Unicode 6.2.
// Decimal digits are left to digit.
var alikeTo = map[string]string{
	"":   "\u0640\u07fa\u0824\u0828\u0903\u0982\u0983\u0a03\u0a83\u0b02\u0b03\u0c01\u0c02\u0c03\u0c82\u0c83\u0d02\u0d03\u0d82\u0d83\u0f3e\u0f3f\u0f7f\u1038\u17c7\u17c8\u180a\u1b04\u1b82\u1cd3\u1ce1\u1cf2\u1cf3\u302e\u302f\ua880\ua881\ua983\uabec\ufe73\U00011000\U00011002\U00011082\U00011182\U000116ac\U0001d165\U0001d166\U0001d16d\U0001d16e\U0001d16f\U0001d170\U0001d171\U0001d172",
	"0":  "\u0c78\u0f33\u17f0\u24ff\u3007\U0001018a",
	"1":  "\u0c79\u0c7c\u0f2a\u1369\u17f1\u19da\u24f5\u2776\u2780\u278a\u3021\U00010107\U00010142\U00010158\U00010159\U0001015a\U00010320\U000103d1\U00010858\U00010916\U00010a40\U00010a7d\U00010b58\U00010b78\U00010e60\U00011052\U00012415\U0001241e\U0001242c\U00012434\U0001244f\U00012458\U0001d360\U000102e1\u09f4",
	"10": "\u24fe\u277f\u2789\u2793\u3248",
	"11": "\u24eb",
	"12": "\u24ec",
	"13": "\u24ed",
	"14": "\u24ee",
	"15": "\u24ef",
	"16": "\u24f0",
	"17": "\u24f1",
	"18": "\u24f2",
	"19": "\u24f3",
	"2":  "\u0c7a\u0c7d\u0f2b\u136a\u17f2\u24f6\u2777\u2781\u278b\u3022\U00010108\U0001015b\U0001015c\U0001015d\U0001015e\U000103d2\U00010859\U0001091a\U00010a41\U00010b59\U00010b79\U00010e61\U00011053\U00012400\U00012416\U0001241f\U00012423\U0001242d\U00012435\U0001244a\U00012450\U00012459\U0001d361\U000102e2\u09f5",
	"20": "\u24f4\u3249",
	"3":  "\u0c7b\u0c7e\u0f2c\u136b\u17f3\u24f7\u2778\u2782\u278c\u3023\U00010109\U0001085a\U0001091b\U00010a42\U00010b5a\U00010b7a\U00010e62\U00011054\U00012401\U00012408\U00012417\U00012420\U00012424\U00012425\U0001242e\U0001242f\U00012436\U00012437\U0001243a\U0001243b\U0001244b\U00012451\U0001d362\U000102e3\u09f6",
	"30": "\u324a",
	"4":  "\u0f2d\u136c\u17f4\u24f8\u2779\u2783\u278d\u3024\U0001010a\U00010a43\U00010b5b\U00010b7b\U00010e63\U00011055\U00012402\U00012409\U0001240f\U00012418\U00012421\U00012426\U00012430\U00012438\U0001243c\U0001243d\U0001243e\U0001243f\U0001244c\U00012452\U00012453\U0001d363\U000102e4\u09f7",
	"40": "\u324b",
	"5":  "\u0f2e\u136d\u17f5\u24f9\u277a\u2784\u278e\u3025\U0001010b\U00010143\U00010148\U0001014f\U0001015f\U00010173\U00010321\U00010e64\U00011056\U00012403\U0001240a\U00012410\U00012419\U00012422\U00012427\U00012431\U00012439\U0001244d\U00012454\U00012455\U0001d364\U000102e5",
	"50": "\u324c",
	"6":  "\u0f2f\u136e\u17f6\u2185\u24fa\u277b\u2785\u278f\u3026\U0001010c\U00010e65\U00011057\U00012404\U0001240b\U00012411\U0001241a\U00012428\U00012440\U0001244e\U0001d365\U000102e6",
	"60": "\u324d",
	"7":  "\u0f30\u136f\u17f7\u24fb\u277c\u2786\u2790\u3027\U0001010d\U00010e66\U00011058\U00012405\U0001240c\U00012412\U0001241b\U00012429\U00012441\U00012442\U00012443\U0001d366\U000102e7",
	"70": "\u324e",
	"8":  "\u0f31\u1370\u17f8\u24fc\u277d\u2787\u2791\u3028\U0001010e\U00010e67\U00011059\U00012406\U0001240d\U00012413\U0001241c\U0001242a\U00012444\U00012445\U0001d367\U000102e8",
	"80": "\u324f",
	"9":  "\u0f32\u1371\u17f9\u24fd\u277e\u2788\u2792\u3029\U0001010f\U00010e68\U0001105a\U00012407\U0001240e\U00012414\U0001241d\U0001242b\U00012446\U00012447\U00012448\U00012449\U0001d368\U000102e9",
	"a":  "\u0363\u1dd3\U0001f150\U0001f170\ua79b\ua7c1",
	"aa": "\ua733",
	"ab": "\U0001f18e",
	"ae": "\u1dd4\u00e6",
	"ao": "\u1dd5\ua735",
	"au": "\ua737",
	"av": "\u1dd6\ua739\ua73b",
	"ay": "\ua73d",
	"b":  "\U0001f151\U0001f171\u1de8",
	"c":  "\u0368\u1dd7\U0001f152\U0001f172",
	"cl": "\U0001f191",
	"d":  "\u0369\u1dd8\u1dd9\u00f0\u0111\ua77a\U0001f153\U0001f173",
	"db": "\u0238",
	"dz": "\u02a3",
	"e":  "\u0364\U0001f154\U0001f174",
	"f":  "\ua77c\U0001f155\U0001f175\u1deb",
	"g":  "\u1dda\u1d79\ua7a1\U0001f156\U0001f176\u1acc",
	"h":  "\u036a\u0127\U0001f157\U0001f177",
	"i":  "\u0365\U0001f158\U0001f178",
	"ic": "\U0001f18b",
	"id": "\U0001f194",
	"j":  "\U0001f159\U0001f179",
	"k":  "\u1ddc\ua7a3\U0001f15a\U0001f17a",
	"l":  "\u013f\u0140\u1ddd\u0142\U0001f15b\U0001f17b",
	"ll": "\u1efb",
	"ls": "\u02aa",
	"lz": "\u02ab",
	"m":  "\u036b\U0001f15c\U0001f17c",
	"n":  "\u1de0\ua7a5\U0001f15d\U0001f17d",
	"ng": "\U0001f196",
	"o":  "\u0366\u00f8\U0001f15e\U0001f17e\ua79d\u1ded",
	"oe": "\u0153",
	"ok": "\U0001f197",
	"oo": "\ua74f",
	"p":  "\U0001f15f\U0001f17f\U0001f18a\u1dee",
	"pa": "\U0001f18c",
	"q":  "\U0001f160\U0001f180",
	"qp": "\u0239",
	"r":  "\u036c\u1dca\ua783\ua7a7\U0001f161\U0001f181\ua75b\u1acd",
	"s":  "\u1de4\u1de5\ua785\ua7a9\U0001f162\U0001f182\ua7d9",
	"sa": "\U0001f18d",
	"t":  "\u036d\ua787\U0001f163\U0001f183\u1ace",
	"th": "\u1d7a",
	"ts": "\u01be\u02a6",
	"tz": "\ua729",
	"u":  "\u0367\U0001f164\U0001f184\ua79f\u1df0",
	"v":  "\u036e\U0001f165\U0001f185",
	"vs": "\U0001f19a",
	"vy": "\ua761",
	"w":  "\U0001f166\U0001f186\ua7c3\u1abf",
	"wc": "\U0001f18f",
	"x":  "\u036f\U0001f167\U0001f187",
	"y":  "\U0001f168\U0001f188",
	"z":  "\u1de6\U0001f169\U0001f189",
	"zw": "\u018d",
}
