// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

import "strconv"

// Link is where to read more.
type Link struct {
	Title, URL string
}

// category is one entry of the OWASP Top 10 of 2025.
type category struct {
	id, name, page string
}

var (
	a01 = category{"A01:2025", "Broken Access Control", "A01_2025-Broken_Access_Control"}
	a02 = category{"A02:2025", "Security Misconfiguration", "A02_2025-Security_Misconfiguration"}
	a04 = category{"A04:2025", "Cryptographic Failures", "A04_2025-Cryptographic_Failures"}
	a05 = category{"A05:2025", "Injection", "A05_2025-Injection"}
	a06 = category{"A06:2025", "Insecure Design", "A06_2025-Insecure_Design"}
	a07 = category{"A07:2025", "Authentication Failures", "A07_2025-Authentication_Failures"}
	a08 = category{"A08:2025", "Software or Data Integrity Failures", "A08_2025-Software_or_Data_Integrity_Failures"}
	a10 = category{"A10:2025", "Mishandling of Exceptional Conditions", "A10_2025-Mishandling_of_Exceptional_Conditions"}
)

// listed is where OWASP's own list of mapped weaknesses puts a CWE.
var listed = map[int]category{
	20: a05, 22: a01, 73: a06, 79: a05, 94: a05, 116: a05, 200: a01, 209: a10, 256: a06, 290: a07, 294: a07, 295: a07, 306: a07, 307: a07, 311: a06,
	319: a04, 321: a04, 345: a08, 346: a07, 347: a04, 352: a01, 353: a08, 384: a07, 434: a06, 436: a06, 444: a06,
	489: a02, 497: a01, 521: a07, 522: a06, 525: a06, 538: a01, 540: a01, 548: a01, 550: a10, 552: a01, 598: a06,
	565: a08, 601: a01, 613: a07, 614: a02, 693: a06, 749: a01, 754: a10, 755: a10, 757: a04, 798: a07, 799: a06, 829: a08,
	915: a08, 916: a04, 942: a02, 1004: a02, 1021: a06, 1275: a01, 1391: a07,
}

// nearest is for weaknesses that OWASP's list leaves out: the category of the
// nearest relative in MITRE's tree that is on it, or else the one whose text
// describes the weakness.
var nearest = map[int]category{
	176:  a05, // as 20: encodings not handled are input not validated
	409:  a06, // limits that nobody designed
	430:  a02, // a header left off
	770:  a06, // as 799
	843:  a05, // as 20
	943:  a05, // a child of 74
	1059: a06, // nobody designed what nobody described
	1321: a08, // a child of 915
}

func (r *Rule) category() (category, bool) {
	if c, ok := listed[r.CWE]; ok {
		return c, true
	}
	c, ok := nearest[r.CWE]
	return c, ok
}

// OWASP is the rule's category in the OWASP Top 10 of 2025, such as
// "A05:2025"; empty for rules without a CWE. It follows from the CWE by OWASP's
// own list of mapped weaknesses.
func (r *Rule) OWASP() string {
	c, _ := r.category()
	return c.id
}

// sheets is OWASP's cheat sheet about each mistake.
var sheets = [len(Mistakes) + 1]string{
	1: "HTTP_Headers",
	2: "Authentication",
	3: "Input_Validation",
	4: "Error_Handling",
	5: "Session_Management",
	6: "File_Upload",
	7: "Injection_Prevention",
}

// Links are where to read more about the rule: its weakness in MITRE's list, its
// category in OWASP's Top 10 and OWASP's cheat sheet about its mistake.
func (r *Rule) Links() []Link {
	var links []Link
	if r.CWE != 0 {
		n := strconv.Itoa(r.CWE)
		links = append(links, Link{"CWE-" + n, "https://cwe.mitre.org/data/definitions/" + n + ".html"})
	}
	if c, ok := r.category(); ok {
		links = append(links, Link{"OWASP " + c.id + " " + c.name, "https://owasp.org/Top10/2025/" + c.page + "/"})
	}
	if s := sheets[r.Mistake]; s != "" {
		links = append(links, Link{"OWASP cheat sheet", "https://cheatsheetseries.owasp.org/cheatsheets/" + s + "_Cheat_Sheet.html"})
	}
	return links
}
