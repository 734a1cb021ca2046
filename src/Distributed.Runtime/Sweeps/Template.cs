using System.Globalization;
using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// YAML in which drawn values are still to be put. {$: NAME} is the value of that dimension;
/// {$: NAME, is: {OPTION: VALUE, …}} is the value that stands beside the option it took; a list
/// item {$repeat: NAME, items: […]} is so many times these items. An option may be such YAML again.
/// </summary>
internal static class Template
{
    public const string Value = "$";
    public const string Repeat = "$repeat";
    public const string Is = "is";
    public const string Items = "items";

    public static SpecNode Of(string name, string where)
    {
        SpecNode node = SpecNode.Map(where);
        node.Set(Value, SpecNode.Scalar(where, name, isPlain: false), where);
        return node;
    }

    /// <summary>The template, but only where the choice takes one of the options.</summary>
    public static SpecNode When(string name, IEnumerable<string> options, SpecNode template)
    {
        SpecNode cases = SpecNode.Map(template.Where);
        foreach (string option in options)
            cases.Set(option, template, template.Where);
        SpecNode node = Of(name, template.Where);
        node.Set(Is, cases, template.Where);
        return node;
    }

    public static SpecNode Repeated(string name, IEnumerable<SpecNode> items, string where)
    {
        SpecNode list = SpecNode.List(where);
        list.Items.AddRange(items);
        SpecNode node = SpecNode.Map(where);
        node.Set(Repeat, SpecNode.Scalar(where, name, isPlain: false), where);
        node.Set(Items, list, where);
        return node;
    }

    /// <summary>
    /// A tree of its own with the drawn values in it; null where one of them is not there.
    /// </summary>
    /// <param name="valueOf">A dimension's value as a tree; null where it is not there.</param>
    public static SpecNode? Fill(SpecNode template, Func<string, SpecNode?> valueOf)
    {
        if (template.Get(Value) is { } name)
            return FillValue(template, name.Text, valueOf);
        switch (template.Kind)
        {
            case SpecNodeKind.Map:
                SpecNode map = SpecNode.Map(template.Where);
                foreach (SpecEntry entry in template.Entries)
                {
                    if (Fill(entry.Value, valueOf) is not { } value)
                        return null;
                    map.Set(entry.Key, value, entry.Where);
                }
                return map;
            case SpecNodeKind.List:
                SpecNode list = SpecNode.List(template.Where);
                return FillItems(template, list, valueOf) ? list : null;
            default:
                return template.Copy();
        }
    }

    private static SpecNode? FillValue(
        SpecNode template, string name, Func<string, SpecNode?> valueOf)
    {
        if (valueOf(name) is not { } value)
            return null;
        if (template.Get(Is) is not { } cases)
            return Fill(value, valueOf);
        return cases.Get(SpecYaml.Write(value)) is { } chosen ? Fill(chosen, valueOf) : null;
    }

    private static bool FillItems(
        SpecNode template, SpecNode list, Func<string, SpecNode?> valueOf)
    {
        foreach (SpecNode item in template.Items)
        {
            if (item.Get(Repeat) is not { } name)
            {
                if (Fill(item, valueOf) is not { } value)
                    return false;
                list.Items.Add(value);
                continue;
            }
            if (valueOf(name.Text) is not { } count)
                return false;
            Invariant.Check(
                int.TryParse(
                    count.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int repeats),
                $"{name.Text} says how often layers repeat, and is {count.Text}");
            for (var repeat = 0; repeat < repeats; repeat++)
            {
                if (!FillItems(item.Get(Items)!, list, valueOf))
                    return false;
            }
        }
        return true;
    }
}
