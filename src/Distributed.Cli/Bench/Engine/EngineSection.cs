namespace Distributed.Cli.Bench.Engine;

/// <summary>Numbers that belong together, on their way from one process to another.</summary>
/// <param name="BitsDiffering">Of a comparison of bits, which is made on the device itself: how
/// many numbers differ. Null for values that are compared with the reference's.</param>
/// <param name="IsOfGradients">Gradients, or what steps along them come to.</param>
internal sealed record EngineSection(
    string Name, IReadOnlyList<double> Values, int? BitsDiffering = null,
    bool IsOfGradients = false)
{
    public static EngineSection OfBits(string name, int differing) => new(name, [], differing);

    public void WriteTo(BinaryWriter output)
    {
        output.Write(Name);
        output.Write(BitsDiffering ?? -1);
        output.Write(IsOfGradients);
        output.Write(Values.Count);
        foreach (double value in Values)
            output.Write(value);
    }

    public static IReadOnlyList<EngineSection> ReadAll(string path)
    {
        using var input = new BinaryReader(File.OpenRead(path));
        var sections = new List<EngineSection>();
        while (input.BaseStream.Position < input.BaseStream.Length)
        {
            string name = input.ReadString();
            int differing = input.ReadInt32();
            bool isOfGradients = input.ReadBoolean();
            var values = new double[input.ReadInt32()];
            for (int at = 0; at < values.Length; at++)
                values[at] = input.ReadDouble();
            sections.Add(new EngineSection(
                name, values, differing < 0 ? null : differing, isOfGradients));
        }

        return sections;
    }
}
