package status

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

var hyphenated = regexp.MustCompile(`\S*-\S*`)

// words returns a command of which a browser wraps lines between words only: it would break
// --as=x after each hyphen. The text stays the same.
func words(command string) template.HTML {
	var out strings.Builder
	end := 0
	for _, at := range hyphenated.FindAllStringIndex(command, -1) {
		out.WriteString(html.EscapeString(command[end:at[0]]) + "<span>" + html.EscapeString(command[at[0]:at[1]]) + "</span>")
		end = at[1]
	}
	out.WriteString(html.EscapeString(command[end:]))
	return template.HTML(out.String())
}
