namespace Distributed.Training.Models;

/// <summary>
/// The names that layers get which a user did not name: conv1, bn1, fc1 by their order in a block.
/// In a shortcut they are numbered instead, as in PyTorch's downsample.0.
/// </summary>
internal sealed class LayerNames
{
    private readonly bool isShortcut;
    private readonly Dictionary<string, int> counts = [];
    private int index;

    public LayerNames(bool isShortcut) => this.isShortcut = isShortcut;

    /// <summary>The tensors of a residual block's shortcut are named under this word.</summary>
    public const string ShortcutPrefix = "downsample";

    /// <summary>
    /// The default name of the next layer; called once for every layer of the block.
    /// </summary>
    public string? Next(string kind)
    {
        var position = index++;
        var prefix = kind switch
        {
            "conv" => "conv",
            "whitening" => "whiten",
            "batchNorm" => "bn",
            "linear" => "fc",
            "residual" => "residual",
            _ => null,
        };
        if (prefix is null)
            return null;
        if (isShortcut)
            return $"{position}";
        var count = counts[prefix] = counts.GetValueOrDefault(prefix) + 1;
        return $"{prefix}{count}";
    }

    /// <summary>A name may have dots, as layer1.0 has, but no empty part.</summary>
    public static bool IsValid(string name) =>
        name.Length is > 0 and <= 100
        && name.Split('.').All(part =>
            part.Length > 0
            && part.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_'));
}
