package redact

// Go prints a []byte as a list of numbers: "[104 118 115]", or "0x68, 0x76, 0x73" in a
// literal. A server that prints a token's bytes by mistake prints the token.

// nextList returns where the next list of bytes begins that is long enough for a
// credential, the length of the text if there is none.
func nextList[text string | []byte](t text, from int) int {
	for i := from; i < len(t); i++ {
		if !isDigit(t[i]) || i > 0 && isAlnum(t[i-1]) {
			continue
		}
		count := 0
		for at := i; count < minHeld; count++ {
			_, n := listedByte(t[at:])
			if n == 0 {
				break
			}
			at += n
		}
		if count == minHeld {
			return i
		}
	}
	return len(t)
}

// decodeList adds the bytes of the list that begins at i to another view, and returns
// where the list ends.
func (v view) decodeList(into *view, i int) int {
	for {
		c, n := listedByte(v.chars[i:])
		if n == 0 {
			return i
		}
		into.addRune(c, int(v.from[i]), int(v.to[i+n-1]))
		i += n
	}
}

// listedByte reads a number from 0 to 255, in decimal or behind 0x, and what separates
// it from the next. n is 0 where the text does not begin with one.
func listedByte[text string | []byte](t text) (c rune, n int) {
	digits, base := 0, rune(10)
	if len(t) > 2 && t[0] == '0' && t[1] == 'x' {
		digits, base = 2, 16
	}
	for n = digits; n < len(t) && n < digits+3 && isAlnum(t[n]); n++ {
		digit := rune(hexDigit(t[n]))
		if digit >= base {
			return 0, 0
		}
		c = c*base + digit
	}
	if n == digits || c > 0xff || n < len(t) && isAlnum(t[n]) {
		return 0, 0
	}
	for end := n; n < len(t) && n < end+2 && (t[n] == ',' || t[n] == ' '); n++ {
	}
	return c, n
}

// hexDigit is the value of a hexadecimal digit, 16 or more for another letter.
func hexDigit(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}
