package redact

// triples is a set of hashes of three letters or digits in a row, in lower case. Different ones may share a
// hash, so that it may hold what was never added, but never lacks what was. The forms of a JWT of usual
// length have some 5 000.
type triples [1 << tripleBits / 64]uint64

const tripleBits = 15

// roll returns the hash of the last three characters, of which bone is the last: what came before is
// shifted out.
func roll(hash uint16, bone byte) uint16 { return (hash<<5 ^ uint16(bone)) & (1<<tripleBits - 1) }

// add adds those of a text's skeleton.
func (t *triples) add(text []byte) {
	var hash uint16
	length := 0
	for _, c := range text {
		bone := boneOf[c]
		if bone == 0 {
			continue
		}
		hash = roll(hash, bone)
		if length++; length >= 3 {
			t[hash/64] |= 1 << (hash % 64)
		}
	}
}

// mayHold is false where a piece of a skeleton is part of no text that was added.
func (t *triples) mayHold(piece string) bool {
	var hash uint16
	for i := range len(piece) {
		if hash = roll(hash, piece[i]); i >= 2 && t[hash/64]&(1<<(hash%64)) == 0 {
			return false
		}
	}
	return true
}
