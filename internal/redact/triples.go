package redact

// triples is a set of three letters or digits in a row, lower case, some of which stand for more than
// one: where it says no, the text has no such three. A token of usual length has some 5 000 in its forms.
type triples [1 << tripleBits / 64]uint64

const tripleBits = 15

// next returns the hash of the last three characters, of which bone is the last: what came before is
// shifted out.
func next(hash uint16, bone byte) uint16 { return (hash<<5 ^ uint16(bone)) & (1<<tripleBits - 1) }

// addTriples adds those of a text's skeleton.
func addTriples[T string | []byte](set *triples, text T) {
	var hash uint16
	length := 0
	for i := range len(text) {
		bone := boneOf[text[i]]
		if bone == 0 {
			continue
		}
		hash = next(hash, bone)
		if length++; length >= 3 {
			set[hash/64] |= 1 << (hash % 64)
		}
	}
}

// mayHold is false where a piece of a skeleton is part of no text that was added.
func (t *triples) mayHold(piece string) bool {
	var hash uint16
	for i := range len(piece) {
		if hash = next(hash, piece[i]); i >= 2 && t[hash/64]&(1<<(hash%64)) == 0 {
			return false
		}
	}
	return true
}
