// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 6.
const (
	UploadTooLarge  ID = "upload/too-large"
	UploadTooMany   ID = "upload/too-many"
	UploadType      ID = "upload/type"
	UploadMismatch  ID = "upload/mismatch"
	UploadDangerous ID = "upload/dangerous"
	UploadPolyglot  ID = "upload/polyglot"
	UploadPixels    ID = "upload/pixels"
	UploadName      ID = "upload/name"
	UploadArchive   ID = "upload/archive"
	UploadPDFScript ID = "upload/pdf-script"
	UploadTrailing  ID = "upload/trailing"
	UploadVirus     ID = "upload/virus"
	UploadUnscanned ID = "upload/unscanned"
	UploadQuota     ID = "upload/quota"
)

var uploadRules = []Rule{
	{ID: UploadTooLarge, Mistake: 6, Title: "Upload too large", Severity: High, Status: 413, CWE: 770,
		Why:     "Without a limit one client fills the disk or the memory with a single request.",
		Express: "multer({ dest, limits: { fileSize: 5 * 1024 * 1024, files: 1 } })",
		Policy:  "uploads: [{match: \"POST /api/upload\", max_file_bytes: 5MB}]"},
	{ID: UploadTooMany, Mistake: 6, Title: "Too many files or fields in one upload", Severity: Medium, Status: 400, CWE: 770,
		Why:     "A limit per file is none when a request may carry thousands of them.",
		Express: "multer({ dest, limits: { files: 1, fields: 100, parts: 101 } })",
		Policy:  "uploads: [{match: \"POST /api/upload\", max_files: 1}]"},
	{ID: UploadType, Mistake: 6, Title: "File type not allowed", Severity: High, Status: 415, CWE: 434,
		Why:     "An app that takes every type stores and serves whatever an attacker wants to deliver.",
		Express: "look at the content (file-type's fileTypeFromFile), not at file.mimetype, and keep a list of allowed types",
		Policy:  "uploads: [{match: \"POST /api/upload\", types: [image/jpeg, image/png, image/webp, application/pdf]}]"},
	{ID: UploadMismatch, Mistake: 6, Title: "File is not what it says it is", Severity: High, Status: 415, CWE: 434,
		Why:     "multer's file.mimetype is what the client wrote; a script that calls itself image/png passes a filter on it.",
		Express: "compare the type found in the content with file.mimetype and with the extension, and refuse when they differ",
		Policy:  "uploads: [{match: \"POST /api/upload\", types: [image/jpeg, image/png, image/webp, application/pdf]}]"},
	{ID: UploadDangerous, Mistake: 6, Title: "Executable or active content uploaded", Severity: Critical, Status: 415, CWE: 434,
		Why:     "A web shell runs on the server, an HTML or SVG file runs in the browser of whoever opens it, an executable on the machine.",
		Express: "refuse executable and active extensions anywhere in the name, store under a random name outside the served directory",
		Policy:  "uploads: [{match: \"POST /api/upload\", types: [image/jpeg, image/png, image/webp, application/pdf]}]"},
	{ID: UploadPolyglot, Mistake: 6, Title: "File is two things at once", Severity: High, Status: 415, CWE: 434,
		Why:     "An image with a script, an archive or a program in its metadata or behind its end is an image to the filter and something else to what opens it.",
		Express: "encode images anew (sharp(file).toFile(…)), which drops everything that is not picture",
		Policy:  "uploads: [{match: \"POST /api/upload\", types: [image/jpeg, image/png, image/webp, application/pdf]}]"},
	{ID: UploadPixels, Mistake: 6, Title: "Image has too many pixels", Severity: Medium, Status: 413, CWE: 409,
		Why:     "A few kilobytes of PNG can decode to gigabytes and take down whatever makes thumbnails.",
		Express: "sharp(file, { limitInputPixels: 100_000_000 })",
		Policy:  "uploads: [{match: \"POST /api/upload\", max_pixels: 100000000}]"},
	{ID: UploadName, Mistake: 6, Title: "File name could mislead a system or a person", Severity: Medium, Status: 400, CWE: 73,
		Why:     "A name with path separators writes outside its directory, a bidirectional override makes gpj.exe look like exe.jpg.",
		Express: "never use file.originalname as a path; store under crypto.randomUUID() with the extension of the detected type",
		Policy:  "uploads: [{match: \"POST /api/upload\"}]"},
	{ID: UploadArchive, Mistake: 6, Title: "Archive could harm what unpacks it", Severity: High, Status: 415, CWE: 409,
		Why:     "A few kilobytes unpack to a full disk, and an entry named ../../x writes outside the directory it is unpacked to.",
		Express: "read the directory first (yauzl), bound entries and sizes, and resolve each name against the target directory",
		Policy:  "uploads: [{match: \"POST /api/upload\", types: [application/zip], max_entries: 1000, max_unpacked_bytes: 100MB}]"},
	{ID: UploadPDFScript, Mistake: 6, Title: "PDF runs a script or starts a program", Severity: Low, Status: 415, CWE: 434,
		Why:     "JavaScript and launch actions in a PDF run in the reader of whoever opens it; most attacks by PDF need them.",
		Express: "serve PDFs as downloads, and refuse or rewrite (qpdf) those with /JavaScript or /Launch where forms are not needed",
		Policy:  "uploads: [{match: \"POST /api/upload\", refuse_pdf_scripts: true}]"},
	{ID: UploadTrailing, Mistake: 6, Title: "Something stands behind the end of a picture", Severity: Info, Status: 415, CWE: 434,
		Why:     "Phones put videos and second pictures there, and so does whoever hides something; no viewer shows it.",
		Express: "encode images anew (sharp(file).toFile(…)), which drops everything that is not picture",
		Policy:  "uploads: [{match: \"POST /api/upload\", reencode: true}]"},
	{ID: UploadVirus, Mistake: 6, Title: "Virus found in an upload", Severity: Critical, Status: 415, CWE: 434,
		Why:     "A file that infects whoever downloads it is spread by the app that stores it.",
		Express: "scan the file with clamd before it is stored (clamscan: scanStream)",
		Policy:  "uploads: [{match: \"POST /api/upload\", clamd: {address: \"127.0.0.1:3310\"}}]"},
	{ID: UploadUnscanned, Mistake: 6, Title: "Upload could not be scanned", Severity: Info, Status: 503,
		Why:     "The virus scanner does not answer, and the policy says that nothing passes unscanned.",
		Express: "answer 503 when the scanner is down, or decide on purpose to store the file unscanned",
		Policy:  "uploads: [{match: \"POST /api/upload\", clamd: {address: \"127.0.0.1:3310\", when_down: refuse}}]"},
	{ID: UploadQuota, Mistake: 6, Title: "Upload quota used up", Severity: Medium, Status: 413, CWE: 770,
		Why:     "Limits per request do not keep one account from filling the disk with many of them.",
		Express: "count the bytes each account stores, and refuse beyond its quota"},
}
