namespace Distributed.Dashboard.Reports;

/// <summary>Something in a section.</summary>
public abstract record Block;

public sealed record Paragraph(string Text) : Block;

/// <summary>Text that is to be copied as it is, such as a command.</summary>
public sealed record CodeBlock(string Label, string Text) : Block;

/// <summary>A name and its value.</summary>
public sealed record Fact(string Name, string Value);

/// <summary>Names and values that belong together, such as an environment.</summary>
public sealed record FactList(IReadOnlyList<Fact> Facts) : Block;

/// <summary>The few figures that matter most, shown large.</summary>
public sealed record KeyFigures(IReadOnlyList<KeyFigure> Figures) : Block;

/// <summary>One of them; the note, which may be empty, says what stands behind it.</summary>
public sealed record KeyFigure(string Name, string Value, string Note);

/// <summary>Blocks that stand side by side where there is room.</summary>
public sealed record SideBySide(IReadOnlyList<Block> Blocks) : Block;

/// <summary>Small images with what is in them.</summary>
/// <param name="PixelWidth">How wide each is shown; the pixels stay sharp.</param>
public sealed record ImageGrid(
    string Heading, string Caption, int PixelWidth, IReadOnlyList<ReportImage> Images) : Block;

/// <summary>A PNG file.</summary>
/// <param name="Png">The file's bytes.</param>
/// <param name="Caption">Stands below it; may be empty.</param>
/// <param name="Alternative">For who cannot see it.</param>
public sealed record ReportImage(byte[] Png, string Caption, string Alternative);
