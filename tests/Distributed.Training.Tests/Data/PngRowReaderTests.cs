using Distributed.Training.Data;
using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Data;

public sealed class PngRowReaderTests
{
    [Property(MaxTest = 200)]
    public bool What_was_written_is_read(
        byte width, byte height, bool isGrey, ushort chunk, int seed)
    {
        var (columns, rows, channels) = ((width % 40) + 1, (height % 12) + 1, isGrey ? 1 : 3);
        var pixels = new byte[columns * rows * channels];
        new Random(seed).NextBytes(pixels);
        using var file = new MemoryStream(
            PngWriter.Write(columns, rows, channels, pixels, chunkBytes: (chunk % 300) + 1));
        using var reader = new PngRowReader(file);
        var read = new List<byte>();
        for (var row = 0; row < rows; row++)
        {
            read.AddRange(reader.ReadRow());
        }
        return (reader.Width, reader.Height, reader.Channels) == (columns, rows, channels)
            && pixels.SequenceEqual(read);
    }

    // Whatever is cut off or changed, the reader ends with an error or an image, never otherwise.
    [Property(MaxTest = 300)]
    public bool Damage_is_an_invalid_file_and_nothing_else(ushort at, byte value, bool isCut)
    {
        var file = PngWriter.Write(9, 7, 3, new byte[189]);
        var position = at % file.Length;
        file[position] ^= value;
        try
        {
            using var reader = new PngRowReader(
                new MemoryStream(isCut ? file[..position] : file));
            for (var row = 0; row < 7; row++)
            {
                reader.ReadRow();
            }
        }
        catch (InvalidDataException)
        {
        }
        return true;
    }

    [Fact]
    public void Forms_that_no_sprite_has_are_refused()
    {
        Assert.Throws<InvalidDataException>(() => Open(bitDepth: 16));
        Assert.Throws<InvalidDataException>(() => Open(interlace: 1));
        Assert.Throws<InvalidDataException>(() => Open(filter: 7).ReadRow().Length);
    }

    private static PngRowReader Open(byte bitDepth = 8, byte interlace = 0, int? filter = null) =>
        new(new MemoryStream(PngWriter.Write(
            2, 2, 1, new byte[4], filter, bitDepth: bitDepth, interlace: interlace)));
}
