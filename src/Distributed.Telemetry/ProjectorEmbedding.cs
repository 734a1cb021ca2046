using System.Globalization;
using System.Text;

namespace Distributed.Telemetry;

/// <summary>
/// Points that TensorBoard's projector shows, and the files that hold them: plain file names, which
/// lie in the run's <see cref="ProjectorConfig.Folder"/>.
/// </summary>
/// <param name="Name">For people.</param>
/// <param name="TensorFile">One point a line, see <see cref="ToTensorFile"/>.</param>
/// <param name="Points">How many there are.</param>
/// <param name="Size">Of each point, in numbers.</param>
/// <param name="MetadataFile">One line a point, see <see cref="ToMetadataFile"/>; or empty.</param>
/// <param name="SpriteFile">A PNG with the pictures of all points, row by row in a grid as wide as
/// it is high, as few a side as hold all; or empty.</param>
/// <param name="SpriteWidth">Of one picture, in pixels.</param>
/// <param name="SpriteHeight">Of one picture, in pixels.</param>
public sealed record ProjectorEmbedding(
    string Name, string TensorFile, int Points, int Size, string MetadataFile = "",
    string SpriteFile = "", int SpriteWidth = 0, int SpriteHeight = 0)
{
    /// <summary>Tab-separated numbers, the only form that TensorBoard's server reads.</summary>
    /// <param name="values">Point by point.</param>
    /// <param name="size">Of each point, in numbers.</param>
    public static byte[] ToTensorFile(ReadOnlySpan<float> values, int size)
    {
        // A sign, seven digits, a point, an exponent of four, and what follows the number.
        const int NumberLengthMax = 16;
        var text = new byte[values.Length * NumberLengthMax];
        var length = 0;
        for (var index = 0; index < values.Length; index++)
        {
            var value = float.IsFinite(values[index]) ? values[index] : 0;
            value.TryFormat(
                text.AsSpan(length), out var written, "G7", CultureInfo.InvariantCulture);
            length += written;
            text[length++] = (index + 1) % size == 0 ? (byte)'\n' : (byte)'\t';
        }
        return text[..length];
    }

    /// <summary>Tab-separated texts; a tab or another control character becomes a space.</summary>
    /// <param name="columns">Their heads, which are left out where there is one column, as
    /// TensorBoard expects.</param>
    /// <param name="rows">One a point.</param>
    public static byte[] ToMetadataFile(
        IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var text = new StringBuilder();
        foreach (var row in columns.Count > 1 ? rows.Prepend(columns) : rows)
        {
            text.AppendJoin('\t', row.Select(Cell)).Append('\n');
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Cell(string text) =>
        string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
}
