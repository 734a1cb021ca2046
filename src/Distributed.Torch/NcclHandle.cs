using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>Owns a native group of ranks; a call in progress keeps it alive.</summary>
internal sealed class NcclHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.NcclFree(handle);
        return true;
    }
}
