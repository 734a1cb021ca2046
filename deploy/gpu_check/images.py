"""Photographs become shorter in transit: what is packed of each pixel is how it differs from what
its neighbours and its green let expect. Nothing is lost."""

IDX_IMAGES = 0x0804
HEADER_BYTES = 20


def shape_of(data):
    """N,C,H,W of an IDX file of coloured images; None for any other file."""
    numbers = [int.from_bytes(data[at : at + 4], "big") for at in range(0, HEADER_BYTES, 4)]
    return tuple(numbers[1:]) if numbers[0] == IDX_IMAGES and numbers[2] == 3 else None


def expected(image, y, x, numpy):
    """Of all images at once: between left and above, the plane through both and the corner."""
    if x == 0 or y == 0:
        return image[y, x - 1] if x > 0 else image[y - 1, x] if y > 0 else 0
    left, above = image[y, x - 1], image[y - 1, x]
    slope = left.astype(numpy.int16) + above - image[y - 1, x - 1]
    return numpy.clip(slope, numpy.minimum(left, above), numpy.maximum(left, above)).astype(
        numpy.uint8)


def by_place(data, numpy):
    """H,W,C,N: the pixels of one place beside one another, for work on all images at once."""
    pixels = numpy.frombuffer(data, numpy.uint8, offset=HEADER_BYTES)
    return pixels.reshape(shape_of(data)).transpose(2, 3, 1, 0).copy()


def places(image):
    return [(y, x) for y in range(image.shape[0]) for x in range(image.shape[1])]


def with_header_of(data, image):
    return data[:HEADER_BYTES] + image.transpose(3, 2, 0, 1).tobytes()


def encode(data, numpy):
    image = by_place(data, numpy)
    image[:, :, 0] -= image[:, :, 1]
    image[:, :, 2] -= image[:, :, 1]
    difference = numpy.empty_like(image)
    for y, x in places(image):
        difference[y, x] = image[y, x] - expected(image, y, x, numpy)
    return with_header_of(data, difference)


def decode(data, numpy):
    image = by_place(data, numpy)
    for y, x in places(image):
        image[y, x] += expected(image, y, x, numpy)
    image[:, :, 0] += image[:, :, 1]
    image[:, :, 2] += image[:, :, 1]
    return with_header_of(data, image)
